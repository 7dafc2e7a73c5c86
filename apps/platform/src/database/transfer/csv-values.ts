import { type Row, STATEMENT_CHARACTERS } from './import-steps.ts'
import { textLiteral, toRow } from './row-literals.ts'

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const BLOB = /^[xX]'((?:[0-9A-Fa-f]{2})*)'$/
const INTEGER_MAX = 2n ** 63n - 1n

/** A target column of an import. */
export interface Column {
  readonly name: string
  /** Whether the column stores numbers as numbers, which all but text columns do. */
  readonly takesNumbers: boolean
}

/** Returns a field of a CSV file as SQL: empty is NULL unless it is quoted, quoted is text, X'…' is a blob. */
export function literalOfField(field: string, isQuoted: boolean, takesNumbers: boolean): string {
  if (isQuoted) return textLiteral(field)
  if (field === '') return 'NULL'
  if (BLOB.test(field)) return field
  return takesNumbers && NUMBER.test(field) && fits(field) ? field : textLiteral(field)
}

/** Integers that SQLite would round stay text, so that text columns keep all digits. */
const fits = (field: string) => field.length < 19 || !/^-?\d+$/.test(field) || fitsInteger(field)
function fitsInteger(digits: string): boolean {
  const value = BigInt(digits)
  return value <= INTEGER_MAX && value >= -INTEGER_MAX - 1n
}

/** Returns literals as a row, with long ones as parameters. */
export const rowOfCells = (literals: readonly string[]): Row => toRow(literals, STATEMENT_CHARACTERS)

/** The type that the values of a column share. */
export type Kind = 'integer' | 'real' | 'text' | 'blob'

/** Returns the type of a field of a CSV file; `undefined` for NULL. */
export function kindOfField(field: string, isQuoted: boolean): Kind | undefined {
  if (isQuoted) return 'text'
  if (field === '') return undefined
  if (BLOB.test(field)) return 'blob'
  if (!NUMBER.test(field)) return 'text'
  return /^-?\d+$/.test(field) ? (fits(field) ? 'integer' : 'text') : 'real'
}

/** Returns the type of a column that holds values of these types; `mixed` if they share none. */
export function inferType(kinds: ReadonlySet<Kind>, mixed: string): string {
  if (kinds.size === 0) return 'TEXT'
  if (kinds.size === 1) return ([...kinds][0] as string).toUpperCase()
  return [...kinds].every((kind) => kind === 'integer' || kind === 'real') ? 'REAL' : mixed
}
