import type { Analysis } from '../authorizer/authorizer.ts'
import { Binder, type BoundSql, restoreNames } from '../authorizer/bind.ts'
import { type CallCounters, withoutTotal } from '../authorizer/counters.ts'
import type { StatementInput } from '../calls/call.ts'
import type { IntegerForm, Params } from '../calls/values.ts'
import { readExactly, replaceAllNumbers, replaceIntegers } from './exact-integers.ts'
import { collect, type Result, type Rows, toResult } from './result.ts'
import { readReturning, returnIntegers } from './returning.ts'
import { canReturnIntegers } from './rounded-integers.ts'
import { createRunSql } from './run-sql.ts'

/** The result of a statement, with the facts to check it. */
export interface RunOutcome extends Pick<Rows, 'suspects' | 'bytes'> {
  readonly result: Result
  readonly startedMs: number
}

/** Runs statements that were analyzed, and collects their results. */
export class StatementRunner {
  readonly #sql: SqlStorage
  readonly #counters: CallCounters
  readonly #overtime: (startedMs: number) => void
  /** The binders of statements that return the integers of each row, in their own column. */
  readonly #returning = new WeakMap<Analysis, Binder>()

  constructor(sql: SqlStorage, counters: CallCounters, overtime: (startedMs: number) => void) {
    this.#sql = sql
    this.#counters = counters
    this.#overtime = overtime
  }

  /** If `bytes` exceeds `bytesLeft`, the result is incomplete. */
  run(analysis: Analysis, { params, integers }: StatementInput, bytesLeft: number): RunOutcome {
    const startedMs = performance.now()
    if (integers !== undefined) return this.#runExactly(analysis, params, integers, bytesLeft, startedMs)
    const { sql, values } = this.#count(analysis, analysis.bind(params))
    const cursor = this.#sql.exec(sql, ...values)
    analysis.columns ??= restore(analysis, cursor.columnNames)
    const { columns } = analysis
    // A statement without columns returns no rows, so it is already complete.
    if (columns.length === 0)
      return { result: toResult(cursor, columns, NO_ROWS), suspects: NO_SUSPECTS, bytes: 0, startedMs }
    const { rows, suspects, bytes } = collect(cursor.raw(), bytesLeft, () => this.#overtime(startedMs))
    return { result: toResult(cursor, columns, rows), suspects, bytes, startedMs }
  }

  #runExactly(analysis: Analysis, params: Params, form: IntegerForm, bytesLeft: number, startedMs: number): RunOutcome {
    const overtime = () => this.#overtime(startedMs)
    const suspects = NO_SUSPECTS
    if (analysis.effect.kind === 'read' && canReturnIntegers(analysis.statement)) {
      const bound = this.#count(analysis, analysis.bind(params))
      const read = readExactly(this.#sql, bound, analysis.columns?.length, form, bytesLeft, overtime)
      analysis.columns ??= restore(analysis, read.columnNames ?? [])
      return { result: toResult(read, analysis.columns, read.rows), suspects, bytes: read.bytes, startedMs }
    }
    const binder = this.#findReturning(analysis)
    const bound = binder ? binder.bind(analysis.parameters.inOrder(params)) : analysis.bind(params)
    const { sql, values } = this.#count(analysis, bound)
    const cursor = this.#sql.exec(sql, ...values)
    analysis.columns ??= restore(analysis, binder ? cursor.columnNames.slice(0, -1) : cursor.columnNames)
    const { rows, bytes } = collect(cursor.raw(), bytesLeft, overtime)
    if (binder) replaceIntegers(rows, form)
    else replaceAllNumbers(rows, form)
    return { result: toResult(cursor, analysis.columns, rows), suspects, bytes, startedMs }
  }

  /** Lets `total_changes()` count from the start of the call. */
  #count(analysis: Analysis, bound: BoundSql): BoundSql {
    if (!countsTotal(analysis)) return bound
    return { sql: this.#counters.ofCall(bound.sql, analysis.counters), values: bound.values }
  }

  #findReturning(analysis: Analysis): Binder | undefined {
    const { statement, parameters, effect } = analysis
    if (effect.kind !== 'write' || statement.explain !== 'no') return undefined
    const known = this.#returning.get(analysis)
    if (known) return known
    const returning = readReturning(statement, createRunSql(this.#sql))
    if (returning === undefined) return undefined
    const extended = returnIntegers(statement, returning)
    const binder = new Binder(extended, parameters.count)
    this.#returning.set(analysis, binder)
    return binder
  }
}

const countsTotal = ({ counters, statement }: Analysis): boolean =>
  counters.reads.length > 0 && counters.reads.includes('total_changes') && statement.explain === 'no'

/** Restores the names that the columns have in the statement as it was sent. */
const restore = (analysis: Analysis, names: readonly string[]): readonly string[] =>
  restoreNames(countsTotal(analysis) ? names.map(withoutTotal) : names, analysis.layout)

const NO_ROWS: Result['rows'] = []
const NO_SUSPECTS: ReadonlySet<number> = new Set()
