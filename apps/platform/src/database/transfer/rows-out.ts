import type { Read } from '../copy/rows.ts'
import { shapeOf } from '../copy/rows.ts'
import type { Run } from '../guard/schema-map.ts'
import { quoteName } from '../guard/statement.ts'

/** Forms in which one table is given. */
export type RowFormat = 'csv' | 'ndjson'

const PAGE_CHARACTERS = 200_000
const FIRST_ROWS = 32
const MAX_ROWS = 4_000

/** A table's rows as text, in pieces, in the order of their key: all columns that can be inserted. */
export function* rowsOut(read: Read, table: string, format: RowFormat): Generator<string> {
  const run: Run = (sql, ...params) => read(sql, ...params).rows
  const { key } = shapeOf(run, table)
  const names = run('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', table).map(([name]) => name as string)
  const columns = names.map(quoteName)
  const cells = columns.map(
    (column) =>
      `CASE WHEN typeof(${column}) IN ('integer', 'real') THEN quote(${column}) END, CASE WHEN typeof(${column}) IN ('text', 'blob') THEN ${column} END`,
  )
  const last = key.map((column) => `quote(${column})`).join(` || ',' || `)
  const write = format === 'csv' ? csvLine : ndjsonLine(names)
  if (format === 'csv') yield `${names.map((name) => (/^[\w ]+$/.test(name) ? name : quoted(name))).join(',')}\r\n`
  let after = ''
  let wanted = FIRST_ROWS
  for (;;) {
    const order = key.join(', ')
    const page = `SELECT ${[...new Set([...columns, ...key])]} FROM ${quoteName(table)} ${after} ORDER BY ${order} LIMIT ${wanted}`
    const { rows } = read(`SELECT ${last}, ${cells} FROM (${page}) ORDER BY ${order}`)
    if (rows.length > 0) {
      const text = rows.map(write).join('')
      yield text
      after = `WHERE (${order}) > (${rows.at(-1)?.[0]})`
      if (rows.length < wanted) return
      wanted = Math.max(1, Math.min(MAX_ROWS, Math.floor((rows.length * PAGE_CHARACTERS) / text.length)))
    } else return
  }
}

function csvLine(row: readonly unknown[]): string {
  const fields: string[] = []
  for (let i = 1; i < row.length; i += 2) {
    const [number, other] = [row[i], row[i + 1]]
    if (typeof number === 'string') fields.push(number)
    else if (typeof other === 'string') fields.push(quoted(other))
    else fields.push(other === null ? '' : `X'${new Uint8Array(other as ArrayBuffer).toHex()}'`)
  }
  return `${fields.join(',')}\r\n`
}

function ndjsonLine(names: readonly string[]) {
  const keys = names.map((name) => `${JSON.stringify(name)}:`)
  return (row: readonly unknown[]): string => {
    const fields = keys.map((key, at) => {
      const [number, other] = [row[1 + 2 * at], row[2 + 2 * at]]
      if (typeof number === 'string') return key + number
      if (other === null || typeof other === 'string') return key + JSON.stringify(other)
      return `${key}{"base64":"${new Uint8Array(other as ArrayBuffer).toBase64()}"}`
    })
    return `{${fields.join(',')}}\n`
  }
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
