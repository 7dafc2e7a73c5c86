import type { Analysis } from '../authorizer/authorizer.ts'
import { MAX_APPENDED } from '../authorizer/statement-effect.ts'
import type { DatabaseQuotas, QuotaUse, StorageLimit } from '../metering/quotas.ts'

/** The most bytes by which one written row, or one entry of an index, makes the file grow: 8 MiB and its pages. */
const ROW_BYTES = 8_600_000
/** A single appended row, which runs without a transaction, takes at most half of this. */
const NEAR_BYTES = 2 * MAX_APPENDED * ROW_BYTES
/** DELETE can grow a full database by this much, because it marks rows as deleted in full-text indexes. */
const DELETE_BYTES = 16_000_000

/** The services that growth checks use. */
export interface GrowthOptions {
  readonly ownPages: { tenantBytes(): number; readonly fileBytes: number }
  readonly quotas: Pick<DatabaseQuotas, 'storage' | 'exceeded' | 'getUse'>
}

/** The size that the file of a database has when a quota is reached, and the use of that quota. */
export interface FileLimit {
  readonly maxFileBytes: number
  readonly use: QuotaUse
}

/**
 * Refuses writes by which a database would exceed its quota. The room is counted down by the most that the written rows
 * can take, so that far from the quota a write costs one comparison. Writes that make room always run.
 */
export class Growth {
  readonly #options: GrowthOptions
  #limit: StorageLimit | undefined
  /** The bytes at the last measurement. */
  #bytes = 0
  /** The bytes by which the database can surely still grow. */
  #room = -1
  #hasWritten = false

  constructor(options: GrowthOptions) {
    this.#options = options
  }

  /**
   * Prepares for a write. Returns whether the write can exceed the quota. It then needs a transaction, so that `wrote`
   * can roll it back.
   */
  begin(): boolean {
    if (this.#room >= NEAR_BYTES && this.#limit === this.#options.quotas.storage) return false
    this.#measure()
    return this.#room < NEAR_BYTES
  }

  /**
   * Checks a write. Call it in the transaction of the write.
   * @param entries the rows and index entries that it wrote; infinite if SQLite doesn't count them
   * @throws PerSQLError `quota_exceeded` or `database_full` if the database grew above its limit
   */
  wrote(entries: number, isDelete = false): void {
    this.#hasWritten = true
    this.#room -= entries * ROW_BYTES
    if (this.#room >= 0) return
    const before = this.#bytes
    const limit = this.#measure()
    const spare = isDelete ? DELETE_BYTES : 0
    if (this.#bytes > limit.bytes + spare && this.#bytes > before)
      throw this.#options.quotas.exceeded(limit.quota, before)
  }

  /** The limit of the file for the next write. Reading it takes time. */
  get limit(): FileLimit {
    const { quotas, ownPages } = this.#options
    const { bytes, quota } = quotas.storage
    const tenantBytes = ownPages.tenantBytes()
    const maxFileBytes = ownPages.fileBytes + Math.max(0, bytes - tenantBytes)
    return { maxFileBytes, use: quotas.getUse(quota, tenantBytes) }
  }

  /** Returns whether a statement wrote since the last call of this method, even if it was rolled back. */
  takeWritten(): boolean {
    const hasWritten = this.#hasWritten
    this.#hasWritten = false
    return hasWritten
  }

  /** Checks the write of a statement, like `wrote`. SQLite counts no rows of virtual tables and schema changes. */
  wroteBy({ effect, statement: { verb } }: Pick<Analysis, 'effect' | 'statement'>, rowsWritten: number): void {
    const isCounted = effect.kind === 'write' && !effect.writesVirtual
    this.wrote(isCounted ? rowsWritten : Number.POSITIVE_INFINITY, verb === 'DELETE' || verb === 'DROP')
  }

  /** Checks all writes since `begin`. @throws PerSQLError `quota_exceeded` if the database grew above the quota */
  check(): void {
    this.wrote(Number.POSITIVE_INFINITY)
  }

  #measure(): StorageLimit {
    const { quotas, ownPages } = this.#options
    const limit = quotas.storage
    this.#limit = limit
    this.#bytes = ownPages.tenantBytes()
    this.#room = limit.bytes - this.#bytes
    return limit
  }
}
