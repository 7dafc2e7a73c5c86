import { createHash } from 'node:crypto'
import { asciiLiteral, joined, listed, literal } from '../../../sqlite/literal.ts'

/** Rows with more bytes are not saved; as SQL literals they can be twice as long. */
const MAX_ROW_BYTES = 500_000
/** Rows with longer keys are not saved either. */
const MAX_KEY_BYTES = 1_000

const bytes = (value: string): string => `coalesce(length(CAST(${value} AS BLOB)), 0)`

/** Returns SQL that formats values exactly, as the content of a `VALUES` row. */
export const keyText = (values: readonly string[]): string => listed(values.map(asciiLiteral))

/** Returns SQL that formats a row as bytes, or NULL if it is too long. */
export const rowBytes = (values: readonly string[]): string =>
  `CASE WHEN NOT (${isLong(values)}) THEN CAST(${listed(values.map(literal))} AS BLOB) END`

/** Returns SQL that checks whether a row is too long to be saved. */
export const isLong = (values: readonly string[]): string => `${joined(values.map(bytes), '+')} > ${MAX_ROW_BYTES}`

/** Returns SQL that checks whether a key is short enough to be saved. */
export const isShort = (values: readonly string[]): string => `${joined(values.map(bytes), '+')} <= ${MAX_KEY_BYTES}`

/** Returns the hash of a row in hexadecimal; `undefined` for a row that isn't saved. */
export const hashRow = (row: ArrayBuffer | null): string | undefined =>
  row === null ? undefined : createHash('sha256').update(new Uint8Array(row)).digest('hex').slice(0, 32)
