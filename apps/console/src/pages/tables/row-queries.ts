import { quoteName, type Result, type Value } from '../results/values.ts'
import { isNumeric, type RowIdentity, type SchemaColumn } from './row-identity.ts'
import { joined, type Piece } from './sql-builder.ts'

/** The sort order and filters of a table. */
export interface TableView {
  sort?: { column: string; isDown: boolean }
  /** The typed filter of each column: `text`, `=5`, `>5`, `null`, `!null`. */
  filters: Readonly<Record<string, string>>
}

/** A value with its SQLite type. Integers are text on the wire, so that none is rounded. */
export interface TypedValue {
  type: string
  value: Value
}

/** A row that was read. */
export interface Row {
  /** Identifies the row within its table. */
  id: string
  key: readonly TypedValue[]
  sort: TypedValue | undefined
  cells: readonly Value[]
  /** One digit per cell: `1` if it was truncated, `2` for an integer that a number can't represent, or else `0`. */
  marks: string
}

const LONG = 1000
const CUT = 200
const MARKS_AT_ONCE = 40
const LARGE = (name: string) =>
  `typeof(${name}) = 'integer' AND ${name} NOT BETWEEN -9007199254740991 AND 9007199254740991`

const exactly = (expression: string) =>
  `CASE typeof(${expression}) WHEN 'integer' THEN CAST(${expression} AS TEXT) ELSE ${expression} END, typeof(${expression})`
const cell = (name: string) =>
  `CASE WHEN ${LARGE(name)} THEN CAST(${name} AS TEXT) WHEN octet_length(${name}) > ${LONG} THEN substr(${name}, 1, ${CUT}) ELSE ${name} END`
const mark = (name: string) =>
  `CASE WHEN ${LARGE(name)} THEN '2' WHEN octet_length(${name}) > ${LONG} THEN '1' ELSE '0' END`

/** Builds the SQL that a stored value is compared with. */
export const bound = ({ type, value }: TypedValue): Piece[] =>
  type === 'integer' ? ['CAST(', { value }, ' AS INTEGER)'] : [{ value }]

/** The start of a read: either end, a known row, or a numeric key. */
export interface ReadStart {
  row?: Row
  /** The first key, for a table with a numeric key. */
  key?: string
  /** Whether to read backward, from the row or the end. */
  isBack: boolean
  /** The number of rows to skip. Each of them is read. */
  skip: number
  /** The maximum number of rows to read. */
  size: number
}

/**
 * Builds the query of a page. It seeks by key instead of an offset where possible, so a distant page costs the same.
 */
export function buildPageQuery(shape: RowIdentity, look: TableView, from: ReadStart): Piece[] {
  const names = shape.columns.map(({ name }) => quoteName(name))
  const sort = look.sort && quoteName(look.sort.column)
  const chosen = [...shape.key, ...(sort ? [sort] : [])].map(exactly)
  const marks: string[] = []
  for (let at = 0; at < names.length; at += MARKS_AT_ONCE) {
    marks.push(
      names
        .slice(at, at + MARKS_AT_ONCE)
        .map(mark)
        .join(' || '),
    )
  }
  const direction = isDownwards(look, from) ? ' DESC' : ''
  const order = [...(sort ? [sort] : []), ...shape.key].map((expression) => expression + direction).join(', ')
  const conditions = [...buildFilters(shape, look), ...buildStart(shape, look, from)]
  return [
    `SELECT ${[...chosen, ...names.map(cell), ...marks].join(', ')} FROM ${quoteName(shape.name)}`,
    ...(conditions.length > 0 ? [' WHERE ', ...joined(conditions, ' AND ')] : []),
    order && ` ORDER BY ${order}`,
    ` LIMIT ${from.size}`,
    from.skip > 0 ? ` OFFSET ${from.skip}` : '',
  ]
}

const isDownwards = ({ sort }: TableView, { isBack }: ReadStart): boolean => (sort?.isDown ?? false) !== isBack

function buildStart(shape: RowIdentity, look: TableView, from: ReadStart): Piece[][] {
  if (from.row) return [behind(shape, look, from.row, isDownwards(look, from))]
  return from.key === undefined ? [] : [[`${shape.key[0]} >= `, ...bound({ type: 'integer', value: from.key })]]
}

/** Parses the rows of a page. */
export function parseRows(shape: RowIdentity, look: TableView, { rows }: Result): Row[] {
  const keyEnd = shape.key.length * 2
  const cellsFrom = keyEnd + (look.sort ? 2 : 0)
  const cellsEnd = cellsFrom + shape.columns.length
  return rows.map((row, index) => {
    const exacts = Array.from({ length: cellsFrom / 2 }, (_, at) => ({
      value: row[at * 2] as Value,
      type: String(row[at * 2 + 1]),
    }))
    const key = exacts.slice(0, shape.key.length)
    return {
      id: key.length > 0 ? JSON.stringify(key.map(({ value }) => value)) : String(index),
      key,
      sort: exacts[shape.key.length],
      cells: row.slice(cellsFrom, cellsEnd),
      marks: row.slice(cellsEnd).join(''),
    }
  })
}

/** Builds the condition that matches this row. */
export const isRow = (shape: RowIdentity, row: Row): Piece[] =>
  joined(
    shape.key.map((expression, index) => [`${expression} = `, ...bound(row.key[index] as TypedValue)]),
    ' AND ',
  )

/** Builds the condition for rows after this one. SQLite sorts NULL before all other values. */
function behind(shape: RowIdentity, look: TableView, { key, sort }: Row, isDown: boolean): Piece[] {
  const beyond = isDown ? '<' : '>'
  const keys: Piece[] =
    shape.key.length === 1
      ? [`${shape.key[0]} ${beyond} `, ...bound(key[0] as TypedValue)]
      : [`(${shape.key.join(', ')}) ${beyond} (`, ...joined(key.map(bound), ', '), ')']
  if (!look.sort || !sort) return keys
  const name = quoteName(look.sort.column)
  if (sort.value === null) {
    const same: Piece[] = [`${name} IS NULL AND `, ...keys]
    return isDown ? ['(', ...same, ')'] : [`(${name} IS NOT NULL OR (`, ...same, '))']
  }
  const nulls = isDown ? ` OR ${name} IS NULL` : ''
  const value = bound(sort)
  return [`(${name} ${beyond} `, ...value, `${nulls} OR (${name} = `, ...value, ' AND ', ...keys, '))']
}

function buildFilters({ columns }: RowIdentity, { filters }: TableView): Piece[][] {
  return columns.flatMap((column) => {
    const text = filters[column.name]?.trim()
    return text ? [buildFilter(column, text)] : []
  })
}

function buildFilter({ name, type }: SchemaColumn, text: string): Piece[] {
  const quoted = quoteName(name)
  if (/^null$/i.test(text)) return [`${quoted} IS NULL`]
  if (/^!\s*null$/i.test(text)) return [`${quoted} IS NOT NULL`]
  const [, operator, operand = ''] = /^(<=|>=|!=|<>|<|>|=)\s*(.*)$/s.exec(text) ?? []
  if (operator) {
    const isNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(operand)
    return isNumber && (isNumeric(type) || type === '')
      ? [`${quoted} ${operator} `, 'CAST(', { value: operand }, ' AS NUMERIC)']
      : [`${quoted} ${operator} `, { value: operand }]
  }
  return [`${quoted} LIKE `, { value: `%${text.replace(/[\\%_]/g, '\\$&')}%` }, " ESCAPE '\\'"]
}
