import { PerSQLError } from '@persql/contract'
import { toTransactionError } from '../../../storage/runtime-error.ts'

/** Permanent SQLite errors, as the runtime formats them; a full disk or a lock can be temporary. */
const REFUSED = /^(?:\w*Error: )?(.*?)(?: at offset \d+)?: SQLITE_(?!FULL|IOERR|NOMEM|BUSY|LOCKED|INTERRUPT)[A-Z_]+/s

/** Returns the message of a permanent SQLite error; `undefined` for any other failure. */
export const findRefusal = (cause: unknown): string | undefined => REFUSED.exec(String(cause))?.[1]

/**
 * Returns the error of a failed copy: `copy_impossible` for permanent failures, `copy_cut_off` if it can be tried
 * again.
 */
export function copyError(cause: unknown): PerSQLError {
  const error = toTransactionError(cause)
  if (error.code !== 'internal') return error
  const problem = findRefusal(cause)
  // The named table or column existed when the copy started.
  return problem === undefined || /^no such (table|column)/.test(problem)
    ? new PerSQLError('copy_cut_off', {}, { cause })
    : new PerSQLError('copy_impossible', { problem: problem.slice(0, 300) }, { cause })
}
