import { PerSQLError } from '@persql/contract'
import { quoteName } from '../../sqlite/identifiers.ts'
import { joined } from '../../sqlite/literal.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { readTableShape } from '../../sqlite/table-shape.ts'
import { type DamagedText, groupExpressions, mayBeDamaged, type Read, TableWalk } from '../../sqlite/walk.ts'

/** The export formats for a single table. */
export type RowFormat = 'csv' | 'ndjson'

/** Small enough that other calls run in between without a noticeable delay. */
const PAGE_CHARACTERS = 50_000
const FIRST_ROWS = 32
const MAX_ROWS = 1_000

/** Returns the error of a row that can't be exported as text. */
export const notUtf8 = ({ table, column, row }: DamagedText): PerSQLError =>
  new PerSQLError(
    'text_not_utf8',
    { table, column, where: row && ` in the row where ${row}` },
    { extra: { table, column, row } },
  )

/**
 * Yields a table's rows as text, in pieces and in the order of their key, with all columns that can be inserted.
 * @throws PerSQLError `text_not_utf8`
 */
export function* rowsOut(read: Read, table: string, format: RowFormat): Generator<string> {
  const run: RunSql = (sql, ...params) => read(sql, ...params).rows
  const shape = readTableShape(run, table)
  const walk = new TableWalk(read, table, shape)
  const names = run('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', table).map(([name]) => name as string)
  const columns = names.map(quoteName)
  const isNumber = (column: string) => `(typeof(${column}) IN ('integer', 'real'))`
  const kinds = groupExpressions(columns.map(isNumber)).map((group) => joined(group, '||'))
  const cells = columns.map((column) => `CASE WHEN ${isNumber(column)} THEN quote(${column}) ELSE ${column} END`)
  const expressions = [...kinds, walk.keySql, ...cells]
  const cell = format === 'csv' ? csvCell : jsonCell
  const keys = format === 'csv' ? names.map(() => '') : names.map((name) => `${JSON.stringify(name)}:`)
  const [begin, end] = format === 'csv' ? ['', '\r\n'] : ['{', '}\n']
  const at = kinds.length + 1
  const write = (row: readonly unknown[]): string => {
    const numbers = kinds.length === 1 ? String(row[0]) : row.slice(0, kinds.length).join('')
    let line = begin
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) line += ','
      line += keys[i] + cell(row[at + i], numbers.charCodeAt(i) === ONE)
    }
    return line + end
  }
  // The header is sent with the first rows, so that a table that can't be read sends nothing.
  let head =
    format === 'csv' ? `${names.map((name) => (/^[\w ]+$/.test(name) ? name : quoted(name))).join(',')}\r\n` : ''
  for (let wanted = FIRST_ROWS; ; ) {
    const { rows, isLast } = walk.page(expressions, wanted)
    const lines = rows.map(write)
    lines.forEach((line, i) => {
      const [values] = mayBeDamaged(line) ? walk.values(1, i) : []
      const damaged = values && walk.findDamage(values)
      if (damaged) throw notUtf8(damaged)
    })
    const text = lines.join('')
    if (head + text) yield head + text
    head = ''
    if (isLast || rows.length === 0) return
    walk.advance(rows.length - 1, rows.at(-1)?.[kinds.length] as string)
    wanted = Math.max(1, Math.min(MAX_ROWS, Math.floor((rows.length * PAGE_CHARACTERS) / text.length)))
  }
}

const ONE = 49

function csvCell(value: unknown, isNumber: boolean): string {
  if (isNumber) return value as string
  if (typeof value === 'string') return quoted(value)
  return value === null ? '' : `X'${new Uint8Array(value as ArrayBuffer).toHex()}'`
}

function jsonCell(value: unknown, isNumber: boolean): string {
  if (isNumber) return value as string
  if (value === null || typeof value === 'string') return JSON.stringify(value)
  return `{"base64":"${new Uint8Array(value as ArrayBuffer).toBase64()}"}`
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
