import { PerSQLError } from '@persql/contract'
import { errorOf } from '../../../storage/long-transaction.ts'

/** What SQLite refuses for ever, as the runtime says it; a full disk or a lock may go away. */
const REFUSED = /^(?:\w*Error: )?(.*?)(?: at offset \d+)?: SQLITE_(?!FULL|IOERR|NOMEM|BUSY|LOCKED|INTERRUPT)[A-Z_]+/s

/** Returns what SQLite says about something that it refuses for good; nothing for any other failure. */
export const refusalOf = (cause: unknown): string | undefined => REFUSED.exec(String(cause))?.[1]

/** Tells a copy that cannot be made from one that was cut off and can be tried again. */
export function copyError(cause: unknown): PerSQLError {
  const error = errorOf(cause)
  if (error.code !== 'internal') return error
  const problem = refusalOf(cause)
  // What the schema names was there when the copy began.
  return problem === undefined || /^no such (table|column)/.test(problem)
    ? new PerSQLError('copy_cut_off', {}, { cause })
    : new PerSQLError('copy_impossible', { problem: problem.slice(0, 300) }, { cause })
}
