import { Buffer } from 'node:buffer'

/** A value as read: SQL for numbers and NULL, bytes for a text or blob. */
export type Value =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'text' | 'blob'; readonly bytes: Uint8Array }

/** A bound value. A text that isn't UTF-8 is bound as bytes, because the runtime would replace them. */
export type Param = string | ArrayBuffer

/** SQL with the values that it binds. */
export interface BoundSql {
  readonly sql: string
  readonly params: readonly Param[]
}

/** In a row that is too long for a statement, longer values are bound, up to the limit of 100 parameters. */
const LONG_BYTES = 300
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes a text. Returns `undefined` if it isn't UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** Formats a value as SQL that every SQLite, including the sqlite3 shell, reads exactly. */
export function toSql(value: Value): string {
  if (value.kind === 'sql') return value.sql
  if (value.kind === 'blob') return `X'${toHex(value.bytes)}'`
  const text = decodeText(value.bytes)
  return (text === undefined ? undefined : quoteText(text)) ?? `CAST(X'${toHex(value.bytes)}' AS TEXT)`
}

/**
 * Formats a text as a literal. The shell drops a carriage return at the end of a line, so a placeholder replaces each
 * one.
 */
function quoteText(text: string): string | undefined {
  if (text.includes('\0')) return undefined
  const quoted = `'${text.replaceAll("'", "''")}'`
  if (!text.includes('\r')) return quoted
  const mark = CARRIAGE_RETURNS.find((each) => !text.includes(each))
  return mark && `replace(${quoted.replaceAll('\r', mark)},'${mark}',char(13))`
}

const toHex = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('hex').toUpperCase()

const CARRIAGE_RETURNS = ['\\r', '\\015', '<CR>']

/** Formats a row as SQL. If the row is longer than a statement can be, its long values are bound. */
export function toBoundRow(values: readonly Value[], maxCharacters: number): BoundSql {
  const size = values.reduce((sum, value) => sum + (value.kind === 'sql' ? value.sql.length : value.bytes.length), 0)
  const text = size <= maxCharacters ? values.map(toSql).join(',') : undefined
  if (text !== undefined && text.length <= maxCharacters) return { sql: text, params: [] }
  return listSql(values.map((value) => (isShort(value) ? { sql: toSql(value), params: [] } : toBound(value))))
}

const isShort = (value: Value): boolean => value.kind === 'sql' || value.bytes.length <= LONG_BYTES

/** Binds a value without an affinity. */
export const toBound = (value: Value): BoundSql =>
  value.kind === 'sql'
    ? { sql: value.sql, params: [] }
    : { sql: value.kind === 'text' ? '+CAST(? AS TEXT)' : '?', params: [toArrayBuffer(value.bytes)] }

/** Joins pieces of SQL with commas. */
export const listSql = (pieces: readonly BoundSql[]): BoundSql => ({
  sql: pieces.map(({ sql }) => sql).join(','),
  params: pieces.flatMap(({ params }) => params),
})

const toArrayBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
