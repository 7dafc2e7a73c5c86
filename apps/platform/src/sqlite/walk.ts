import { PerSQLError } from '@persql/contract'
import { quoteName } from './identifiers.ts'
import { joined, listed, literalOrMark } from './literal.ts'
import type { TableShape } from './table-shape.ts'
import { type BoundSql, decodeText, listSql, toBound, toSql, type Value } from './values.ts'

/** Reads rows and reports the number of rows read. `isCut` means that there are more rows than fit in memory. */
export type Read = (sql: string, ...params: unknown[]) => { rows: unknown[][]; rowsRead: number; isCut?: boolean }

/** The rows of a page with the requested expressions, and whether it is the last page. */
export interface WalkedPage {
  readonly rows: unknown[][]
  readonly isLast: boolean
}

/** A text that isn't UTF-8, and its location. */
export interface DamagedText {
  readonly table: string
  readonly column: string
  /** The row's key as SQL. */
  readonly row: string
}

/** The runtime limits a result to 100 columns and a statement to 100,000 bytes. Both values leave room for the key. */
const MAX_COLUMNS = 99
const MAX_SUBQUERY_COLUMNS = 100
const MAX_SQL_BYTES = 50_000
/** Longer keys are bound. */
const MAX_KEY_CHARACTERS = 4_000
/** U+FFFD replaces bytes that aren't UTF-8, but can also be a character of the text. */
const REPLACEMENT = '\ufffd'

/** Walks through the rows of a table page by page, in the order of its key. */
export class TableWalk {
  readonly #read: Read
  readonly #table: string
  readonly #shape: TableShape
  #after: BoundSql | undefined
  /** The number of rows passed, for tables without a key. */
  #passed = 0

  constructor(read: Read, table: string, shape: TableShape) {
    this.#read = read
    this.#table = table
    this.#shape = shape
  }

  /** The SQL of a row's key. Select it with a page and pass its value to `advance`. */
  get keySql(): string {
    return listed(this.#shape.key.map(literalOrMark))
  }

  /** Reads the next rows after skipping `offset`, without advancing. */
  page(expressions: readonly string[], count: number, offset = 0): WalkedPage {
    const [first = [], ...others] = groupExpressions(expressions, MAX_COLUMNS)
    const { rows, isCut = false } = this.#select(first, count, offset)
    for (const group of others) {
      const more = this.#all(group, rows.length, offset)
      rows.forEach((row, i) => {
        row.push(...(more[i] as unknown[]))
      })
    }
    return { rows, isLast: !isCut && rows.length < count }
  }

  /** Reads rows of the current page exactly: the values of all columns. */
  values(count: number, offset: number, columns: readonly string[] = this.#shape.columns): Value[][] {
    const kinds = groupExpressions(
      columns.map((column) => `substr(typeof(${column}), 1, 1)`),
      MAX_COLUMNS,
    ).map((group) => joined(group, '||'))
    const expressions = [...kinds, ...columns.map(bytesOrSql)]
    const rows: Value[][] = []
    while (rows.length < count) {
      const page = this.page(expressions, count - rows.length, offset + rows.length)
      for (const row of page.rows) rows.push(toRowValues(row, kinds.length))
      if (page.isLast) break
    }
    return rows
  }

  /**
   * Advances past a row of the current page.
   * @param key the value of `keySql` for it, if known
   */
  advance(index: number, key: string | undefined): void {
    const { key: columns } = this.#shape
    if (columns.length === 0) this.#passed += index + 1
    else if (key !== undefined && key.length <= MAX_KEY_CHARACTERS && !key.includes(REPLACEMENT)) {
      this.#after = { sql: key, params: [] }
    } else this.#after = listSql((this.values(1, index, columns)[0] ?? []).map(toBound))
  }

  /** Finds the first text of a row that isn't UTF-8. */
  findDamage(values: readonly Value[], columns: readonly string[] = this.#shape.columns): DamagedText | undefined {
    const at = values.findIndex((value) => value.kind === 'text' && decodeText(value.bytes) === undefined)
    if (at < 0) return undefined
    const { key } = this.#shape
    const named = key.flatMap((column) => {
      const value = values[columns.indexOf(column)]
      return value ? cut(`${column} = ${toSql(value)}`) : []
    })
    return { table: this.#table, column: unquoteName(columns[at] as string), row: named.join(' AND ') }
  }

  #all(expressions: readonly string[], count: number, offset: number): unknown[][] {
    const rows: unknown[][] = []
    while (rows.length < count) {
      const page = this.#select(expressions, count - rows.length, offset + rows.length)
      // No one writes in between, so the number of rows can't change.
      if (page.rows.length === 0) throw new PerSQLError('copy_cut_off')
      rows.push(...page.rows)
    }
    return rows
  }

  #select(expressions: readonly string[], count: number, offset: number) {
    const { order } = this.#shape
    const after = this.#after
    const place =
      order.length === 0
        ? `NOT INDEXED LIMIT ${count} OFFSET ${this.#passed + offset}`
        : `${after ? `WHERE (${order}) > (${after.sql})` : ''} ORDER BY ${order} LIMIT ${count} OFFSET ${offset}`
    const from = `FROM ${quoteName(this.#table)} ${place}`
    const columns = [...new Set([...this.#shape.columns, ...this.#shape.key])]
    // Expressions over a subquery read each value of a row only once. The second LIMIT prevents SQLite from flattening
    // the subquery.
    const rows = columns.length > MAX_SUBQUERY_COLUMNS ? from : `FROM (SELECT ${columns} ${from}) LIMIT ${count}`
    return this.#read(`SELECT ${expressions} ${rows}`, ...(after?.params ?? []))
  }
}

const cut = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`)

const bytesOrSql = (column: string) =>
  `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) WHEN 'blob' THEN ${column} ELSE quote(${column}) END`

function toRowValues(row: readonly unknown[], kindColumns: number): Value[] {
  const kinds = row.slice(0, kindColumns).join('')
  return row.slice(kindColumns).map((value, i) => {
    if (typeof value === 'string') return { kind: 'sql', sql: value }
    return { kind: kinds[i] === 't' ? 'text' : 'blob', bytes: new Uint8Array(value as ArrayBuffer) }
  })
}

/** Splits expressions so that each group fits into one SELECT. */
export function groupExpressions(expressions: readonly string[], maxCount = Number.POSITIVE_INFINITY): string[][] {
  const groups: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const expression of expressions) {
    const size = utf8Length(expression) + 1
    if (bytes + size > MAX_SQL_BYTES || (groups.at(-1)?.length ?? 0) >= maxCount) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)?.push(expression)
    bytes += size
  }
  return groups
}

/** Returns whether a text can have lost bytes that aren't UTF-8. */
export const mayBeDamaged = (text: string): boolean => text.includes(REPLACEMENT)

/** Returns the length of a text in UTF-8 bytes. */
export const utf8Length = (text: string): number => new TextEncoder().encode(text).length

/** Returns the name of a column from its SQL, quoted or not. */
const unquoteName = (column: string): string =>
  column.startsWith('"') ? column.slice(1, -1).replaceAll('""', '"') : column
