import { quoteName } from '../../../sqlite/identifiers.ts'
import { listed } from '../../../sqlite/literal.ts'
import { sqlError } from '../../engine/sql-error.ts'
import type { Table } from './tables.ts'

/** Rows of a table as SQL literals, which are exact for every value, including integers that JavaScript would round. */
export interface Page {
  /** Each row as `(1,'a',NULL)`. */
  readonly rows: readonly string[]
  readonly rowsRead: number
  /** Whether the table has more rows than are read. */
  readonly isSample: boolean
}

const PAGE_BYTES = 256 * 1024
const FIRST_PAGE_ROWS = 64
const MAX_PAGE_ROWS = 2_000
/** Longer texts are cut in the copy: an INSERT statement must not exceed SQLite's length limit. */
const MAX_ROW_CHARACTERS = 20_000
const MAX_CHARACTERS = 500

/**
 * Yields pages of at most `maxRows` rows in total; of a larger table, rows spread evenly over its rowids. The caller
 * can await between pages, so later pages include changes made in the meantime. @throws PerSQLError `sql_error` if the
 * table was dropped
 */
export function* readSamplePages(sql: SqlStorage, table: Table, maxRows: number): Generator<Page> {
  try {
    yield* pages(sql, table, maxRows)
  } catch (cause) {
    throw sqlError(cause, '')
  }
}

function* pages(sql: SqlStorage, table: Table, maxRows: number): Generator<Page> {
  const from = quoteName(table.name)
  const { rowidName: id } = table
  const size = sql.exec(`SELECT count(*) FROM (SELECT 1 FROM ${from} LIMIT ${maxRows + 1})`)
  const all = Number([...size.raw()][0]?.[0]) <= maxRows
  yield { rows: [], rowsRead: size.rowsRead, isSample: !all }
  const spread = `max(1, ((SELECT max(${id}) FROM ${from}) - (SELECT min(${id}) FROM ${from})) / ${maxRows})`
  const step = all ? '1' : `${[...sql.exec(`SELECT CAST(${spread} AS TEXT)`).raw()][0]?.[0]}`
  let count = 0
  for (const page of walk(sql, table, step, maxRows)) {
    count += page.rows.length
    yield page
  }
  // With clustered rowids, even steps miss most rows, so the first rows are taken instead.
  if (!all && count < maxRows / 10) yield* walk(sql, table, '1', maxRows)
}

function* walk(sql: SqlStorage, table: Table, step: string, maxRows: number): Generator<Page> {
  const from = quoteName(table.name)
  const { rowidName: id } = table
  const longest = Math.min(MAX_CHARACTERS, Math.ceil(MAX_ROW_CHARACTERS / table.stored.length))
  const values = table.stored.map((column) => {
    const name = `t.${column}`
    return `quote(iif(typeof(${name}) IN ('text', 'blob'), substr(${name}, 1, ${longest}), ${name}))`
  })
  const straight = (first: string, count: number) =>
    `SELECT CAST(t.${id} AS TEXT), ${listed(values)} FROM ${from} t WHERE t.${id} ${first} ORDER BY t.${id} LIMIT ${count}`
  // Each step seeks the next existing row, so gaps between rowids cost nothing.
  const stepping = (first: string, count: number) => `WITH RECURSIVE "#"(at) AS (
      SELECT (SELECT ${id} FROM ${from} WHERE ${id} ${first} ORDER BY ${id} LIMIT 1)
      UNION ALL
      SELECT (SELECT ${id} FROM ${from} WHERE ${id} >= "#".at + ${step} ORDER BY ${id} LIMIT 1)
      FROM "#" WHERE "#".at IS NOT NULL LIMIT ${count})
    SELECT CAST("#".at AS TEXT), ${listed(values)} FROM "#" CROSS JOIN ${from} t ON t.${id} = "#".at`
  const text = step === '1' ? straight : stepping
  let after = '>= -9223372036854775808'
  let pageRows = FIRST_PAGE_ROWS
  for (let left = maxRows; left > 0; ) {
    const asked = Math.min(pageRows, left)
    const cursor = sql.exec(text(after, asked))
    const rows: string[] = []
    let bytes = 0
    let last = ''
    for (const [rowid, literals] of cursor.raw()) {
      const row = `(${literals})`
      rows.push(row)
      bytes += row.length
      last = rowid as string
    }
    if (rows.length > 0) yield { rows, rowsRead: cursor.rowsRead, isSample: false }
    if (rows.length < asked) return
    left -= rows.length
    after = step === '1' ? `> ${last}` : `>= ${last} + ${step}`
    pageRows = Math.max(1, Math.min(MAX_PAGE_ROWS, Math.floor((rows.length * PAGE_BYTES) / (bytes || 1))))
  }
}
