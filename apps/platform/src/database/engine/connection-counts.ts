import type { Analysis } from '../authorizer/authorizer.ts'
import type { CallCounters } from '../authorizer/counters.ts'
import type { Effect } from '../authorizer/statement-effect.ts'
import type { StatementInput } from '../calls/call.ts'
import { toForm } from './exact-integers.ts'
import type { Result } from './result.ts'

/** Counts of the connection after a write. */
type Counts = { readonly changes: number; readonly rowid: number }

const COUNTS = 'SELECT changes() AS changes, last_insert_rowid() AS rowid'

/**
 * The values of SQLite's `changes()` and `last_insert_rowid()`. Reading them costs as much as inserting a row, so they
 * are derived where possible: a row appended after the last row of its table has the next rowid. Two consecutive new
 * rowids show that the row is the last one, because SQLite takes either the highest rowid plus 1 or, at its maximum, a
 * random one of 2^62.
 */
export class ConnectionCounts {
  readonly #sql: SqlStorage
  /**
   * The rowid of the last row inserted into a table, until another write there; `last` if no row has a higher rowid.
   */
  readonly #added = new Map<string, { readonly rowid: number; readonly last: boolean }>()

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Returns the counts of the last statement, which was a write. */
  after({ appendsTo, writes }: Effect, { rowsWritten }: Result): Counts {
    const appended = appendsTo !== undefined && rowsWritten > 0
    const before = appended ? this.#added.get(appendsTo) : undefined
    for (const table of writes) this.#added.delete(table)
    const counts = before?.last ? { changes: 1, rowid: before.rowid + 1 } : this.#sql.exec<Counts>(COUNTS).one()
    // Rowids near 2^53 are read from SQLite: the runtime rounds larger numbers.
    const { rowid } = counts
    if (appended && rowid < Number.MAX_SAFE_INTEGER) {
      this.#added.set(appendsTo, { rowid, last: before !== undefined && rowid === before.rowid + 1 })
    }
    return counts
  }

  /** Returns the digits of the last rowid, which the runtime rounds beyond 2^53. */
  exactRowid(rowid: number): string {
    if (Number.isSafeInteger(rowid)) return `${rowid}`
    return this.#sql.exec<{ digits: string }>('SELECT CAST(last_insert_rowid() AS TEXT) AS digits').one().digits
  }

  /** Drops the known rowids. Call it after a failure and after a change by other means. */
  forget(): void {
    this.#added.clear()
  }

  /** Returns the number of rows changed on this connection, including those changed by triggers and foreign keys. */
  total(): number {
    return this.#sql.exec<{ n: number }>('SELECT total_changes() AS n').one().n
  }
}

/** Returns the result of a write with the counts of the connection, except those of earlier calls. */
export function addCounts(
  result: Result,
  { effect, statement: { verb }, counters }: Analysis,
  counts: ConnectionCounts,
  call: CallCounters,
  { integers }: Pick<StatementInput, 'integers'>,
): Result {
  const { changes, rowid } = counts.after(effect, result)
  call.wrote(counters, changes)
  const { columns, rows, rowsRead, rowsWritten } = result
  // If this call has not inserted a row, the rowid is from an earlier call.
  if (call.hasRowid && (verb === 'INSERT' || verb === 'REPLACE') && (integers || Number.isSafeInteger(rowid))) {
    const lastInsertRowid = integers === undefined ? rowid : toForm(counts.exactRowid(rowid), integers)
    return { columns, rows, rowsRead, rowsWritten, changes, lastInsertRowid }
  }
  return { columns, rows, rowsRead, rowsWritten, changes }
}
