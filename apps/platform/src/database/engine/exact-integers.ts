import type { BoundSql } from '../authorizer/bind.ts'
import type { IntegerForm } from '../calls/values.ts'
import { collect, type ExactInteger, type Rows } from './result.ts'

// The runtime returns INTEGER and REAL values as the same JavaScript numbers, and rounds integers beyond 2^53. A
// statement whose result has to be exact returns one more column: a JSON array with the integers of its row, with all
// digits, and null for other values.

/** The maximum number of columns of a result in this runtime. */
const MAX_COLUMNS = 100

/** Returns the expression of the additional column. */
export const selectIntegers = (expressions: readonly string[]): string =>
  `json_array(${expressions.map((each) => `iif(typeof(${each})='integer',${each},NULL)`)})`

/** Replaces the integers of rows that end with the additional column, which is removed. */
export function replaceIntegers(rows: unknown[][], form: IntegerForm): void {
  for (const row of rows) {
    const digits = (row.pop() as string).slice(1, -1).split(',')
    for (const [i, each] of digits.entries()) if (each !== 'null') row[i] = toForm(each, form)
  }
}

export function toForm(digits: string, form: IntegerForm): ExactInteger {
  if (form === 'bigint') return BigInt(digits)
  return form === 'text' ? digits : { int64: digits }
}

/** Replaces the integers of a result that has no REAL values, such as that of a PRAGMA. */
export function replaceAllNumbers(rows: unknown[][], form: IntegerForm): void {
  for (const row of rows) {
    for (const [i, cell] of row.entries()) if (Number.isInteger(cell)) row[i] = toForm(String(cell), form)
  }
}

/** A result with exact integers. */
export interface ExactRows extends Pick<Rows, 'rows' | 'bytes'> {
  /** The names of the columns, if they weren't known. */
  readonly columnNames?: readonly string[]
  readonly rowsRead: number
  readonly rowsWritten: number
}

/**
 * Runs a read and returns its integers exactly. It runs once if the number of its columns is known or if its result has
 * no whole numbers, and otherwise twice.
 * @param width the number of columns
 */
export function readExactly(
  sql: SqlStorage,
  { sql: text, values }: BoundSql,
  width: number | undefined,
  form: IntegerForm,
  bytesLeft: number,
  overtime: () => void,
): ExactRows {
  const canExtend = width !== undefined && width < MAX_COLUMNS
  const plain = canExtend ? undefined : read(sql, text, values, bytesLeft, overtime)
  if (plain && (plain.bytes > bytesLeft || !plain.rows.some((row) => row.some(Number.isInteger)))) return plain
  const count = plain?.columnNames.length ?? width ?? 0
  const names = Array.from({ length: count }, (_, i) => `c${i}`)
  const separately = plain !== undefined && count >= MAX_COLUMNS
  const selected = [...(separately ? [] : names), selectIntegers(names)]
  // The rows are stored first, so that each value is computed once. SQLite counts them as read again, at least one.
  const wrapped = `WITH _persql_result(${names}) AS MATERIALIZED (${text}\n) SELECT ${selected} FROM _persql_result`
  const extended = read(sql, wrapped, values, bytesLeft, overtime)
  if (extended.bytes > bytesLeft) return extended
  const rowsRead = extended.rowsRead - Math.max(1, extended.rows.length)
  const rows = separately ? plain.rows.map((row, i) => [...row, extended.rows[i]?.[0]]) : extended.rows
  replaceIntegers(rows, form)
  const { bytes, rowsWritten } = extended
  return plain ? { ...plain, rows, bytes, rowsRead } : { rows, bytes, rowsRead, rowsWritten }
}

function read(
  sql: SqlStorage,
  text: string,
  values: BoundSql['values'],
  bytesLeft: number,
  overtime: () => void,
): ExactRows & { readonly columnNames: readonly string[] } {
  const cursor = sql.exec(text, ...values)
  const { columnNames } = cursor
  const { rows, bytes } = collect(cursor.raw(), bytesLeft, overtime)
  const { rowsRead, rowsWritten } = cursor
  return { columnNames, rows, bytes, rowsRead, rowsWritten }
}
