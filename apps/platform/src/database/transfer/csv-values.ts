import { type Row, STATEMENT_CHARACTERS } from './import-steps.ts'
import { rowOf, textLiteral } from './row-literals.ts'

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const BLOB = /^[xX]'((?:[0-9A-Fa-f]{2})*)'$/
const INTEGER_MAX = 2n ** 63n - 1n

/** A column that rows are imported into. */
export interface Column {
  readonly name: string
  /** Whether it keeps numbers that are given as numbers: all but those for texts do. */
  readonly takesNumbers: boolean
}

/** A field of a CSV file as SQL: empty is NULL unless it is quoted; quoted is text; X'…' is a blob. */
export function literalOfField(field: string, isQuoted: boolean, takesNumbers: boolean): string {
  if (isQuoted) return textLiteral(field)
  if (field === '') return 'NULL'
  if (BLOB.test(field)) return field
  return takesNumbers && NUMBER.test(field) && fits(field) ? field : textLiteral(field)
}

/** Integers that SQLite would round stay texts, for columns that keep them. */
const fits = (field: string) => field.length < 19 || !/^-?\d+$/.test(field) || fitsInteger(field)
function fitsInteger(digits: string): boolean {
  const value = BigInt(digits)
  return value <= INTEGER_MAX && value >= -INTEGER_MAX - 1n
}

/** Literals as a row, long ones bound. */
export const rowOfCells = (literals: readonly string[]): Row => rowOf(literals, STATEMENT_CHARACTERS)

/** What the values of a column have in common. */
export type Kind = 'integer' | 'real' | 'text' | 'blob'

/** What kind of value a field of a CSV file is, if any. */
export function kindOfField(field: string, isQuoted: boolean): Kind | undefined {
  if (isQuoted) return 'text'
  if (field === '') return undefined
  if (BLOB.test(field)) return 'blob'
  if (!NUMBER.test(field)) return 'text'
  return /^-?\d+$/.test(field) ? (fits(field) ? 'integer' : 'text') : 'real'
}

/** The type of a column that holds values of these kinds; none when they have nothing in common. */
export function typeOf(kinds: ReadonlySet<Kind>, mixed: string): string {
  if (kinds.size === 0) return 'TEXT'
  if (kinds.size === 1) return ([...kinds][0] as string).toUpperCase()
  return [...kinds].every((kind) => kind === 'integer' || kind === 'real') ? 'REAL' : mixed
}
