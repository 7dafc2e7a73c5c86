import { RpcTarget } from 'cloudflare:workers'
import { type Api, type Output, PerSQLError } from '@persql/contract'
import { toIso } from '../../clock.ts'
import { lower } from '../../sqlite/identifiers.ts'
import { isInternal } from '../../sqlite/system-tables.ts'
import type { Grant } from '../calls/call.ts'
import { createRunSql } from '../engine/run-sql.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { Column } from './csv-values.ts'
import type { TransferSlots } from './transfer-slots.ts'

/** The stored state of an import. */
interface Kept {
  readonly id: string
  readonly state: 'receiving' | 'applying' | 'done' | 'failed'
  readonly bytes: number
  readonly totalBytes: number | null
  readonly rows: number
  readonly startedAtMs: number
  readonly endedAtMs?: number
  readonly error?: string
}

/** A request to import a file. */
export interface ImportRequest {
  readonly id: string
  readonly totalBytes: number | null
  readonly table: string | undefined
  readonly create: boolean
}

interface Parts {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** Resolves when this caller can use the database. @throws PerSQLError */
  readonly ready: (address: string, grant: Grant) => Promise<void>
  readonly slots: TransferSlots
}

const KEY = 'import'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [KEY]
/** The time without a message after which an import counts as abandoned. */
const SILENCE_MS = 60_000

/** The running import, or the last one. Only one runs at a time. */
export class Imports extends RpcTarget {
  readonly #parts: Parts
  #running: Kept | undefined
  #heardMs = 0
  #before: Kept | undefined

  constructor(parts: Parts) {
    super()
    this.#parts = parts
  }

  /**
   * Starts an import. Returns the columns of the target table, if it exists.
   * @throws PerSQLError if this caller can't import now
   */
  async begin(
    address: string,
    grant: Grant,
    { id, totalBytes, table, create }: ImportRequest,
  ): Promise<Column[] | undefined> {
    const { storage, ready, now } = this.#parts
    await ready(address, grant)
    if (this.#isHeard()) throw new PerSQLError('import_under_way')
    const columns = table === undefined ? undefined : this.#readColumns(table, create, grant)
    this.#parts.slots.take('imports', id, () => this.#running?.id === id && now() - this.#heardMs < SILENCE_MS)
    this.#heardMs = now()
    this.#before = storage.kv.get<Kept>(KEY)
    this.#running = { id, state: 'receiving', bytes: 0, totalBytes, rows: 0, startedAtMs: now() }
    this.#parts.ownPages.around(() => storage.kv.put(KEY, this.#running))
    return columns
  }

  /** Records the received bytes and rows. @throws PerSQLError `import_cut_off` if the import was abandoned */
  received(id: string, bytes: number, rows: number): void {
    this.#go(id, { bytes, rows })
  }

  /** Records that the file is complete; from now on, `rows` counts the rows in the tables. */
  applying(id: string, bytes: number): void {
    this.#go(id, { state: 'applying', bytes, totalBytes: bytes, rows: 0 })
  }

  applied(id: string, rows: number): void {
    this.#go(id, { rows })
  }

  /** Marks the import as done. Call it in its transaction. */
  done(id: string): void {
    this.#go(id, { state: 'done', endedAtMs: this.#parts.now() })
    this.#keep()
  }

  /** Marks the import as failed. */
  failed(id: string, error: string): void {
    if (this.#running?.id !== id) return
    this.#running = { ...this.#running, state: 'failed', endedAtMs: this.#parts.now(), error }
    this.#keep()
    this.#stop(id)
  }

  /**
   * Discards an import that was received but not applied, for example after an idempotent replay, and restores the
   * state of the previous import.
   */
  withdraw(id: string): void {
    if (this.#running?.id !== id || this.#running.state !== 'receiving') return
    const { ownPages, storage } = this.#parts
    ownPages.around(() => (this.#before ? storage.kv.put(KEY, this.#before) : storage.kv.delete(KEY)))
    this.#stop(id)
  }

  /** Ends the import after its transaction was committed. */
  end(id: string): void {
    if (this.#running?.id === id) this.#stop(id)
  }

  get state(): Output<Api['get_import']> {
    const kept = this.#isHeard() ? this.#running : this.#parts.storage.kv.get<Kept>(KEY)
    if (!kept) return { import: null }
    const { startedAtMs, endedAtMs, ...progress } = kept
    const isCut = !this.#isHeard() && (kept.state === 'receiving' || kept.state === 'applying')
    return {
      import: {
        ...progress,
        startedAt: toIso(startedAtMs),
        ...(endedAtMs !== undefined && { endedAt: toIso(endedAtMs) }),
        ...(isCut && { state: 'failed' as const, error: new PerSQLError('import_cut_off').message }),
      },
    }
  }

  #stop(id: string): void {
    this.#running = undefined
    this.#parts.slots.release(id)
  }

  #isHeard(): boolean {
    if (!this.#running) return false
    return this.#running.state === 'applying' || this.#parts.now() - this.#heardMs < SILENCE_MS
  }

  #go(id: string, change: Partial<Kept>): void {
    if (this.#running?.id !== id) throw new PerSQLError('import_cut_off')
    this.#heardMs = this.#parts.now()
    this.#running = { ...this.#running, ...change }
  }

  #keep(): void {
    const { ownPages, storage } = this.#parts
    ownPages.around(() => storage.kv.put(KEY, this.#running))
  }

  #readColumns(table: string, create: boolean, { tableScope }: Grant): Column[] | undefined {
    if (isInternal(table)) throw new PerSQLError('table_protected', { table })
    if (tableScope !== null && !tableScope.some((name) => lower(name) === lower(table))) {
      throw new PerSQLError('table_out_of_scope', { table })
    }
    const { sql } = this.#parts.storage
    const run = createRunSql(sql)
    const columns = run('SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0', table) as [string, string][]
    if (columns.length > 0 && create) throw new PerSQLError('table_exists', { table })
    if (columns.length === 0 && !create) throw new PerSQLError('table_not_found', { table })
    return create ? undefined : columns.map(([name, type]) => ({ name, takesNumbers: !isForText(type) }))
  }
}

/** Returns whether a column stores numbers as text, by SQLite's rules of type affinity. */
const isForText = (type: string) => !/int/i.test(type) && /char|clob|text/i.test(type)
