import type { CallOutput } from '../../api/client.ts'

/** The result of a statement. */
export type Result = CallOutput<'POST /api/namespaces/{ns}/databases/{db}/query'>
/** A value of a row, as the API returns it. */
export type Value = Result['rows'][number][number]
/** Bytes, as the API returns them. */
export type Bytes = Extract<Value, object>

/** Returns whether a value is bytes. */
export const isBytes = (value: Value): value is Bytes => typeof value === 'object' && value !== null

/** Returns the number of bytes. */
export const getByteLength = ({ base64 }: Bytes): number =>
  (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0)

/** Formats bytes in hexadecimal. */
export const toHex = ({ base64 }: Bytes): string =>
  Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('')

/** Quotes a name for a statement. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Formats a value as an SQL literal. */
export function literal(value: Value): string {
  if (value === null) return 'NULL'
  if (typeof value === 'number') return String(value)
  return isBytes(value) ? `X'${toHex(value)}'` : `'${value.replaceAll("'", "''")}'`
}

/** Indents JSON objects and arrays. Returns `undefined` for all other values. */
export function prettyJson(value: Value): string | undefined {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return undefined
  try {
    JSON.parse(value)
  } catch {
    return undefined
  }
  return indented(value.match(TOKEN) ?? [])
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},:]|[^\s[\]{},:"]+/g

/** Only inserts whitespace: numbers keep all their digits. */
function indented(tokens: readonly string[]): string {
  let depth = 0
  const line = () => `\n${'  '.repeat(depth)}`
  const parts = tokens.map((token, index) => {
    if (token === ',') return token + line()
    if (token === ':') return ': '
    if (token === '{' || token === '[') {
      if (/[}\]]/.test(tokens[index + 1]?.[0] ?? '')) return token
      depth++
      return token + line()
    }
    if ((token !== '}' && token !== ']') || /^[{[]$/.test(tokens[index - 1] ?? '')) return token
    depth--
    return line() + token
  })
  return parts.join('')
}

const field = (value: Value): string => {
  const text = value === null ? '' : isBytes(value) ? toHex(value) : String(value)
  return /[",\r\n]/.test(text) || (value === '' && text === '') ? `"${text.replaceAll('"', '""')}"` : text
}

/** Formats a result as CSV (RFC 4180): NULL is empty, empty text is `""`, and bytes are hexadecimal. */
export const toCsv = ({ columns, rows }: Pick<Result, 'columns' | 'rows'>): string =>
  [columns, ...rows]
    .map((row) => row.map(field).join(','))
    .join('\r\n')
    .concat('\r\n')

/** Formats a result as JSON, with one object per row. Repeated column names get a number. */
export function toJson({ columns, rows }: Pick<Result, 'columns' | 'rows'>): string {
  const names = columns.map((name, index) => {
    const before = columns.slice(0, index).filter((other) => other === name).length
    return before === 0 ? name : `${name}_${before + 1}`
  })
  const objects = rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])))
  return `${JSON.stringify(objects, null, 2)}\n`
}
