import { PerSQLError } from '@persql/contract'
import { tokens, word } from '../../sqlite/tokenizer.ts'

/** A function that reads a counter of the connection, which any caller's statement can have set. */
export type Counter = 'changes' | 'last_insert_rowid' | 'total_changes'

/** Counters of the connection that a statement reads or sets, found in its program. */
export interface Counters {
  /**
   * Counters read by the statement, its views and defaults. Triggers don't count: they run after a write of their own
   * statement.
   */
  readonly reads: readonly Counter[]
  /** The number of calls of `total_changes()`, including those in views and defaults. */
  readonly totals: number
  /** Whether the statement inserts a row, which sets `last_insert_rowid()`. */
  readonly setsRowid: boolean
}

const FUNCTION = /^(changes|last_insert_rowid|total_changes)\(/
/** Flag of P5: an `Insert` whose rowid SQLite records as the last one. */
const IS_LAST_ROWID = 0x20

/** Reads the counters from an `EXPLAIN` listing, up to the first sub-program. */
export function readCounters(program: readonly (readonly unknown[])[]): Counters {
  const reads = new Set<Counter>()
  let totals = 0
  let setsRowid = false
  for (const [at, row] of program.entries()) {
    const [address, opcode, p1, , , p4, p5] = row as [number, string, number, number, number, string | null, number]
    if (address === 0 && at > 0) break
    if (opcode === 'Function' || opcode === 'PureFunc') {
      const counter = FUNCTION.exec(p4 ?? '')?.[1]
      if (counter) reads.add(counter as Counter)
      if (counter === 'total_changes') totals++
    } else if (opcode === 'Insert') setsRowid ||= (p5 & IS_LAST_ROWID) !== 0
    else if (opcode === 'VUpdate') setsRowid ||= p1 !== 0
  }
  return reads.size === 0 && !setsRowid ? NO_COUNTERS : { reads: [...reads], totals, setsRowid }
}

/** The counters of a statement that neither reads nor sets any. */
export const NO_COUNTERS: Counters = Object.freeze({ reads: [], totals: 0, setsRowid: false })

/**
 * The counters of the statements of one call. Calls share the connection, and PerSQL writes between them, so SQLite's
 * counters are valid only after a write of the same call.
 */
export class CallCounters {
  #hasChanges = false
  #hasRowid = false
  /** The value of `total_changes()` before the first statement of the call. */
  #total: number | undefined

  /**
   * Resets all counters. Call it when a call starts, and after PerSQL inserted a row, as the schema change log does.
   */
  forget(): void {
    this.#hasRowid = false
    this.forgetChanges()
  }

  /** Resets the counts of changes. Call it after PerSQL changed a row without inserting one. */
  forgetChanges(): void {
    this.#hasChanges = false
    this.forgetTotal()
  }

  /** Resets the total. Call it after PerSQL repeated writes. */
  forgetTotal(): void {
    this.#total = undefined
  }

  /** Sets the start of the count. Call it before the first statement of a call that can read `total_changes()`. */
  countFrom(total: number): void {
    this.#total = total
  }

  /**
   * Returns `sql` with `total_changes()` counted from the start of the call, because the connection counts for all
   * callers.
   * @throws PerSQLError `statement_not_allowed` if a view or a default calls it
   */
  ofCall(sql: string, { totals }: Counters): string {
    const since = sinceTotal(sql, this.#total ?? 0)
    if (since.calls < totals) throw notSet('total_changes')
    return since.sql
  }

  /** Whether the call has inserted a row, so that `last_insert_rowid()` is its own. */
  get hasRowid(): boolean {
    return this.#hasRowid
  }

  /** Records a write of the call. */
  wrote({ setsRowid }: Counters, changes: number): void {
    this.#hasChanges = true
    if (setsRowid && changes > 0) this.#hasRowid = true
  }

  /** Checks that earlier statements of the call set these counters. @throws PerSQLError `statement_not_allowed` */
  assertSet({ reads }: Counters): void {
    for (const counter of reads) {
      const isSet = {
        changes: this.#hasChanges,
        last_insert_rowid: this.#hasRowid,
        total_changes: this.#total !== undefined,
      }
      if (!isSet[counter]) throw notSet(counter)
    }
  }
}

/** Subtracts a total from each `total_changes()` that the statement itself calls. */
function sinceTotal(sql: string, total: number): { readonly sql: string; readonly calls: number } {
  const list = [...tokens(sql)]
  let calls = 0
  let out = ''
  let from = 0
  list.forEach((token, at) => {
    const close = list[at + 2]
    if (word(sql, token) !== 'TOTAL_CHANGES' || close?.kind !== 'close') return
    out += `${sql.slice(from, token.start)}(${sql.slice(token.start, close.end)}-${total})`
    from = close.end
    calls++
  })
  return { sql: out + sql.slice(from), calls }
}

/** Removes that subtraction from the name of a result column. */
export const withoutTotal = (name: string): string => name.replace(/\((total_changes\s*\(\s*\))-\d+\)/gi, '$1')

function notSet(counter: Counter): PerSQLError {
  const details = { what: `This use of ${counter}()`, instead: INSTEAD[counter] }
  const { message } = new PerSQLError('statement_not_allowed', details)
  const errorDetail = { kind: 'not_available', message }
  return new PerSQLError('statement_not_allowed', details, { extra: { errorDetail } })
}

const INSTEAD: Record<Counter, string> = {
  changes:
    'All callers share one connection. Use "changes" in the result, or call the function after a write in a batch with "transaction": true.',
  last_insert_rowid:
    'All callers share one connection. Use "lastInsertRowid" in the result or RETURNING, or call the function after an INSERT in the same batch.',
  total_changes:
    'All callers share one connection. Add up "changes" of the results, or call the function directly in a statement of a batch.',
}
