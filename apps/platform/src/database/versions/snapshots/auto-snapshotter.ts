import { type AutomaticSnapshot, PerSQLError } from '@persql/contract'
import { disk } from '../../../disk-space.ts'
import { quoteName } from '../../../sqlite/identifiers.ts'
import { SCHEMA_TABLE } from '../../../sqlite/schema-map.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'
import { RetryRequired } from '../../engine/retry-required.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { WriteFreeze } from '../../engine/write-freeze.ts'
import type { Snapshots } from './snapshots.ts'

/** The maximum size for automatic snapshots: copying a larger database would delay writes for too long. */
const MAX_BYTES = 32 * 1024 * 1024
/** Statements that replace rows are frequent: they need a snapshot only if the newest one is older than this. */
const REPLACED_MS = 24 * 60 * 60 * 1000
const KEY = 'no-automatic-snapshots'

/** Thrown if a snapshot must be created before the statement runs. */
export class SnapshotRequired extends RetryRequired {}

/** The parts of the database that automatic snapshots use. */
export interface AutoSnapshotterOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly history: Snapshots
  readonly now: () => number
  readonly writes: WriteFreeze
}

/** Creates a snapshot before a statement that deletes rows without selecting them. */
export class AutoSnapshotter {
  readonly #options: AutoSnapshotterOptions
  #kept: AutomaticSnapshot | undefined
  #keeping = 0

  constructor(options: AutoSnapshotterOptions) {
    this.#options = options
  }

  /** Whether an automatic snapshot is being created. */
  get isKeeping(): boolean {
    return this.#keeping > 0
  }

  get isOn(): boolean {
    return this.#options.storage.kv.get(KEY) === undefined
  }

  set isOn(on: boolean) {
    const { storage, ownPages } = this.#options
    ownPages.around(() => (on ? storage.kv.delete(KEY) : storage.kv.put(KEY, true)))
  }

  /** The automatic snapshot to report in the response of the current call. */
  get kept(): AutomaticSnapshot | undefined {
    return this.#kept
  }

  /** Starts a call, with the snapshot that was created for it before. */
  begin(kept: AutomaticSnapshot | undefined): void {
    this.#kept = kept
  }

  /** Checks a destructive statement before it runs. @throws SnapshotRequired */
  check(analysis: Analysis): void {
    if (this.#kept) return
    const { loss } = analysis
    if (loss === undefined || !this.isOn || !this.#loses(analysis)) return
    const { now, history, ownPages } = this.#options
    if (loss === 'replaced' && history.newestMs > now() - REPLACED_MS) return
    if (disk.level > 0) {
      this.#kept = { snapshotSkipped: 'storage_full' }
      return
    }
    if (ownPages.tenantBytes() > MAX_BYTES) {
      this.#kept = { snapshotSkipped: 'too_large' }
      return
    }
    throw new SnapshotRequired(`Before ${analysis.statement.text.replace(/\s+/g, ' ')}`)
  }

  /** Creates the snapshot, then calls `next` before any other write can run. @throws PerSQLError `copy_cut_off` */
  async keep<T>({ message: label }: SnapshotRequired, next: (kept: AutomaticSnapshot) => T): Promise<Awaited<T>> {
    const thaw = this.#options.writes.freeze()
    this.#keeping++
    let kept: AutomaticSnapshot
    try {
      const { id, label: cut } = await this.#options.history.create(label.slice(0, 80), true)
      kept = { snapshot: { id, label: cut } }
    } catch (cause) {
      const { code } = PerSQLError.from(cause)
      // A statement that makes room must run when the namespace is full.
      if (code !== 'copy_impossible' && code !== 'quota_exceeded') throw cause
      kept = { snapshotSkipped: code }
    } finally {
      this.#keeping--
      thaw()
    }
    return await next(kept)
  }

  /**
   * Returns whether a statement deletes data: DROP and ALTER always delete the definition, other statements delete only
   * existing rows.
   */
  #loses({ statement: { verb, names }, effect: { writes } }: Analysis): boolean {
    if (verb === 'DROP' || verb === 'ALTER') return this.#tables().some((table) => names.has(table))
    return writes.some((table) => {
      if (table === 'sqlite_sequence' || table === SCHEMA_TABLE) return false
      return [...this.#options.storage.sql.exec(`SELECT 1 FROM ${quoteName(table)} LIMIT 1`).raw()].length > 0
    })
  }

  #tables(): string[] {
    const { sql } = this.#options.storage
    return [...sql.exec(`SELECT lower(name) FROM ${SCHEMA_TABLE} WHERE type = 'table'`).raw()].map(
      ([name]) => `${name}`,
    )
  }
}
