import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'

/**
 * Returns whether a result contains integers that the runtime silently rounded. It runs the statement, which only
 * reads, again in SQLite, which has the exact values.
 * @param width the number of columns
 * @param suspects the columns with numbers that could be rounded integers
 */
export function hasRoundedIntegers(
  sql: SqlStorage,
  analysis: Analysis,
  { params }: StatementInput,
  width: number,
  suspects: ReadonlySet<number>,
): boolean {
  if (analysis.statement.verb === 'PRAGMA' || analysis.statement.explain !== 'no') return false
  const names = Array.from({ length: width }, (_, i) => `c${i}`)
  const test = [...suspects].map(
    (i) => `(typeof(c${i}) = 'integer' AND c${i} NOT BETWEEN -9007199254740991 AND 9007199254740991)`,
  )
  const text = `WITH q(${names}) AS (${analysis.sqlFor(params)}\n) SELECT 1 FROM q WHERE ${test.join(' OR ')} LIMIT 1`
  return [...sql.exec(text, ...params).raw()].length > 0
}

/** Returns the error of a result with a rounded integer. */
export const rounded = (): PerSQLError =>
  new PerSQLError('integer_out_of_range', { where: 'A value in the result', instead: 'Use CAST(… AS TEXT).' })
