import { PerSQLError } from '@persql/contract'
import type { Statement } from '../../sqlite/tokenizer.ts'
import type { SqlValue } from '../calls/values.ts'

/**
 * Returns whether a result contains integers that the runtime silently rounded. It runs the statement, which only
 * reads, again in SQLite, which has the exact values.
 * @param text the statement as it ran
 * @param width the number of columns
 * @param suspects the columns with numbers that could be rounded integers
 */
export function hasRoundedIntegers(
  sql: SqlStorage,
  text: string,
  values: readonly SqlValue[],
  width: number,
  suspects: ReadonlySet<number>,
): boolean {
  const names = Array.from({ length: width }, (_, i) => `c${i}`)
  const test = [...suspects].map(
    (i) => `(typeof(c${i}) = 'integer' AND c${i} NOT BETWEEN -9007199254740991 AND 9007199254740991)`,
  )
  const check = `WITH _persql_result(${names}) AS (${text}\n) SELECT 1 FROM _persql_result WHERE ${test.join(' OR ')} LIMIT 1`
  return [...sql.exec(check, ...values).raw()].length > 0
}

/** Returns whether a statement can return stored integers: a PRAGMA or an explanation doesn't. */
export const canReturnIntegers = ({ verb, explain }: Pick<Statement, 'verb' | 'explain'>): boolean =>
  verb !== 'PRAGMA' && explain === 'no'

/** Returns the error of a result with a rounded integer. */
export const rounded = (): PerSQLError =>
  new PerSQLError('integer_out_of_range', {
    where: 'A value in the result',
    instead: 'Use "int64": "text" or CAST(… AS TEXT).',
  })
