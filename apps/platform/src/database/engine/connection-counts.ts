import type { Effect } from '../authorizer/statement-effect.ts'
import type { Result } from './result.ts'

/** Counts of the connection after a write. */
type Counts = { readonly changes: number; readonly rowid: number }

const COUNTS = 'SELECT changes() AS changes, last_insert_rowid() AS rowid'

/**
 * The counts that SQLite keeps in `changes()` and `last_insert_rowid()`. Asking for them costs as much as inserting a
 * row, so they are not asked for where they are known: a row added behind the last one of its table has the rowid after
 * that one's. Two rowids in a row are the last ones, for where they are not the next number, SQLite takes one of 2^62 at
 * random.
 */
export class ConnectionCounts {
  readonly #sql: SqlStorage
  /** Rowid of the row added last to a table, while nothing else was written there; `last` when no row lies behind it. */
  readonly #added = new Map<string, { readonly rowid: number; readonly last: boolean }>()

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Returns the counts of a statement that has just written. */
  after({ appendsTo, writes }: Effect, { rowsWritten }: Result): Counts {
    const appended = appendsTo !== undefined && rowsWritten > 0
    const before = appended ? this.#added.get(appendsTo) : undefined
    for (const table of writes) this.#added.delete(table)
    const counts = before?.last ? { changes: 1, rowid: before.rowid + 1 } : this.#sql.exec<Counts>(COUNTS).one()
    // Rowids near 2^53 are left to SQLite: the runtime rounds what lies beyond.
    const { rowid } = counts
    if (appended && rowid < Number.MAX_SAFE_INTEGER) {
      this.#added.set(appendsTo, { rowid, last: before !== undefined && rowid === before.rowid + 1 })
    }
    return counts
  }

  /** Drops what is known of rowids: to be called after a failure, and after a change by other means. */
  forget(): void {
    this.#added.clear()
  }

  /** Returns the number of rows changed on this connection, by triggers and foreign keys too. */
  total(): number {
    return this.#sql.exec<{ n: number }>('SELECT total_changes() AS n').one().n
  }
}
