import { createHash } from 'node:crypto'
import { asciiLiteral, joined, listed, literal } from '../../../sqlite/literal.ts'

/** Rows with more bytes than this are not remembered; as SQL says them, they may be twice as long. */
const MAX_ROW_BYTES = 500_000
/** Keys neither. */
const MAX_KEY_BYTES = 1_000

const bytes = (value: string): string => `coalesce(length(CAST(${value} AS BLOB)), 0)`

/** Values as the inside of a `VALUES` that says them to the last bit. */
export const keyText = (values: readonly string[]): string => listed(values.map(asciiLiteral))

/** That, in bytes, or NULL where it would be too long. */
export const rowBytes = (values: readonly string[]): string =>
  `CASE WHEN NOT (${isLong(values)}) THEN CAST(${listed(values.map(literal))} AS BLOB) END`

/** Whether a row is too long for that. */
export const isLong = (values: readonly string[]): string => `${joined(values.map(bytes), '+')} > ${MAX_ROW_BYTES}`

/** Whether a key is short enough to be kept. */
export const isShort = (values: readonly string[]): string => `${joined(values.map(bytes), '+')} <= ${MAX_KEY_BYTES}`

/** By what a row is known again, as a literal of SQL; nothing for one that is not remembered. */
export const hashOf = (row: ArrayBuffer | null): string | undefined =>
  row === null ? undefined : createHash('sha256').update(new Uint8Array(row)).digest('hex').slice(0, 32)
