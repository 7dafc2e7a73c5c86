import { PerSQLError } from '@persql/contract'
import { tokens, word } from '../../sqlite/tokenizer.ts'

/** A function that reads what the connection counted last, whichever statement it was. */
export type Counter = 'changes' | 'last_insert_rowid' | 'total_changes'

/** Counters of the connection that a statement reads or sets, by its program. */
export interface Counters {
  /** Read by the statement itself, its views and defaults; triggers run after writes of their own statement. */
  readonly reads: readonly Counter[]
  /** How often `total_changes()` is called, views and defaults included. */
  readonly totals: number
  /** Inserting a row sets `last_insert_rowid()`. */
  readonly setsRowid: boolean
}

const FUNCTION = /^(changes|last_insert_rowid|total_changes)\(/
/** Flag of P5: an `Insert` that SQLite notes as the last one. */
const IS_LAST_ROWID = 0x20

/** Reads an `EXPLAIN` listing, up to the first sub-program. */
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

/** Of a statement that neither reads nor sets any. */
export const NO_COUNTERS: Counters = Object.freeze({ reads: [], totals: 0, setsRowid: false })

/**
 * What the statements of one call counted so far. Calls share the connection, and PerSQL writes between them, so that
 * the counters of SQLite mean something only behind a write of the same call.
 */
export class CallCounters {
  #hasChanges = false
  #hasRowid = false
  /** What `total_changes()` was before the first statement of the call. */
  #total: number | undefined

  /** To be called when a call begins, and when PerSQL has inserted a row: a change of the schema is recorded so. */
  forget(): void {
    this.#hasRowid = false
    this.forgetChanges()
  }

  /** To be called when PerSQL has changed a row without inserting one. */
  forgetChanges(): void {
    this.#hasChanges = false
    this.#total = undefined
  }

  /** To be called before the first statement of a call that may read `total_changes()`. */
  countFrom(total: number): void {
    this.#total = total
  }

  /**
   * Lets `total_changes()` count from the beginning of the call: the connection has counted for all callers.
   * @throws PerSQLError `statement_not_allowed` where a view or a default calls it
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

  /** Notes a write of the call. */
  wrote({ setsRowid }: Counters, changes: number): void {
    this.#hasChanges = true
    if (setsRowid && changes > 0) this.#hasRowid = true
  }

  /** @throws PerSQLError `statement_not_allowed` for a counter that no earlier statement of the call has set */
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

/** Subtracts a total from each `total_changes()` that a statement itself calls. */
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

/** Undoes this in the name of a result column. */
export const withoutTotal = (name: string): string => name.replace(/\((total_changes\s*\(\s*\))-\d+\)/gi, '$1')

function notSet(counter: Counter): PerSQLError {
  const details = { what: `This use of ${counter}()`, instead: INSTEAD[counter] }
  const { message } = new PerSQLError('statement_not_allowed', details)
  const errorDetail = { kind: 'not_available', message }
  return new PerSQLError('statement_not_allowed', details, { extra: { errorDetail } })
}

const INSTEAD: Record<Counter, string> = {
  changes:
    'All callers share one connection. Use "changes" in the result, or call it after a write in a batch with "transaction": true.',
  last_insert_rowid:
    'All callers share one connection. Use "lastInsertRowid" in the result or RETURNING, or call it after an INSERT in the same batch.',
  total_changes:
    'All callers share one connection. Add up "changes" of the results, or call it directly in a statement of a batch.',
}
