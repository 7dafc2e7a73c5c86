import type { PerSQLError } from '@persql/contract'
import type { StatementInput } from '../calls/call.ts'
import type { Result } from '../engine/result.ts'

/**
 * The statements of a call, one after another: it yields a statement and receives its result, or the error of the statement,
 * which it can catch. It runs in one turn and awaits nothing. If the call has to be repeated, it starts again.
 */
export type Program<T> = Generator<StatementInput, T, Result>
/** The next statement of a program, or its end. */
export type Next<T> = IteratorResult<StatementInput, T>

/** A statement to run, or the result or error that the program waits for. */
export type Todo = { readonly input: StatementInput } | Given
export type Given = { readonly result: Result } | { readonly error: PerSQLError }

/** Passes what a program waits for. */
export const give = <T>(program: Program<T>, given: Given): Next<T> =>
  'error' in given ? program.throw(given.error) : program.next(given.result)

/** The result of a statement that controls a transaction. */
export const EMPTY: { readonly result: Result } = Object.freeze({
  result: Object.freeze({ columns: [], rows: [], rowsRead: 0, rowsWritten: 0 }),
})
