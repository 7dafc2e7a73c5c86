import { PerSQLError } from '@persql/contract'
import type { Run } from '../guard/schema-map.ts'
import { lower, quoteName, tokens, word } from '../guard/statement.ts'
import type { StoredMigration } from '../migrations/stored-migration.ts'
import { listed, literal } from './literal.ts'
import type { SchemaText } from './schema.ts'

/** Rows on their way to another database: statements that insert many each, or one row with values too long for SQL. */
export interface Page {
  readonly statements: readonly { readonly sql: string; readonly params: readonly (string | ArrayBuffer)[] }[]
  readonly rows: number
  /** Migrations that were applied to the source. */
  readonly migrations?: readonly StoredMigration[]
}

/** Reads rows, with what that cost; `isCut` when there were more of them than may be held at once. */
export type Read = (sql: string, ...params: unknown[]) => { rows: unknown[][]; rowsRead: number; isCut?: boolean }

/** Small enough that others are served in between without noticing. */
const PAGE_CHARACTERS = 200_000
/** A statement may have 100,000 bytes; a character up to three of them. */
const STATEMENT_CHARACTERS = 30_000
const FIRST_ROWS = 32
const MAX_ROWS = 4_000
/** Of a row that is too long for a statement, values longer than this are bound: at most 100 can be. */
const LONG_CHARACTERS = 300

/**
 * All rows of a schema's tables, in pages. What a virtual table keeps elsewhere comes with it by itself.
 * @param asText says every value in SQL, however long that gets, for readers that bind nothing
 * @param staged begins the names of the tables that the rows go to; these come first, with columns of no type, and what
 * cannot be read back is left out
 */
export function* pagesOf(read: Read, { tables }: SchemaText, asText = false, staged = ''): Generator<Page> {
  const run: Run = (sql, ...params) => read(sql, ...params).rows
  let statements: Page['statements'][number][] = []
  let characters = 0
  let rows = 0
  for (const { name, sql } of tables) {
    for (const chunk of chunksOf(read, run, name, sql, asText, staged)) {
      statements.push(chunk.statement)
      characters += chunk.statement.sql.length + sizeOf(chunk.statement.params)
      rows += chunk.rows
      if (characters < PAGE_CHARACTERS) continue
      yield { statements, rows }
      statements = []
      characters = rows = 0
    }
  }
  const sequences = staged ? undefined : sequencesOf(run, tables)
  yield { statements: sequences ? [...statements, ...sequences] : statements, rows }
}

/** Statements that a database needs once its tables are full; one that fails could not be run where it came from either. */
export const rebuilds = (schema: SchemaText): string[] => filled(schema).map(filling)

/** Full-text tables that index what other tables hold, as long as those are there. */
export function filled({ tables, others }: SchemaText): string[] {
  const holders = [...tables, ...others.filter(({ type }) => type === 'view')]
  const names = new Set(holders.map(({ name }) => lower(name)))
  return tables.filter(({ sql }) => names.has(lower(contentOf(sql) ?? ''))).map(({ name }) => name)
}

/** Has a full-text table read anew what it indexes. */
export const filling = (table: string): string =>
  `INSERT INTO ${quoteName(table)} (${quoteName(table)}) VALUES ('rebuild')`

interface Chunk {
  readonly statement: Page['statements'][number]
  readonly rows: number
}

function* chunksOf(
  read: Read,
  run: Run,
  table: string,
  sql: string,
  asText: boolean,
  staged: string,
): Generator<Chunk> {
  const content = contentOf(sql)
  // An index of texts that are kept nowhere: they cannot be read back.
  if (content === '' && staged) return
  if (content === '') throw new PerSQLError('copy_impossible', { table })
  // Its rows are those of another table.
  if (content !== undefined) return
  const { columns, key } = shapeOf(run, table)
  if (columns.length === 0 || /\busing\s+fts5vocab\b/i.test(sql)) return
  const from = quoteName(table)
  const target = quoteName(staged + table)
  if (staged) yield { statement: { sql: `CREATE TABLE ${target} (${columns})`, params: [] }, rows: 0 }
  const into = `INSERT INTO ${target} (${columns}) VALUES `
  const literals = listed(columns.map(literal))
  const order = key.join(', ')
  const last = listed(key.map((column) => `quote(${column})`))
  let after = ''
  let wanted = FIRST_ROWS
  for (;;) {
    const page = `SELECT ${[...new Set([...columns, ...key])]} FROM ${from} ${after} ORDER BY ${order} LIMIT ${wanted}`
    const found = pageOf(read, literals, last, page, order)
    if (found === undefined && wanted > 1) {
      wanted = Math.ceil(wanted / 8)
      continue
    }
    const { rows, isCut } = found ?? read(`SELECT NULL, ${last} FROM (${page}) ORDER BY ${order}`)
    let values = ''
    let count = 0
    for (const [tuple, at] of rows as [string | null, string][]) {
      if (tuple === null) {
        yield hugeRow(run, into, from, columns, key, at, asText)
        continue
      }
      if (tuple.length > STATEMENT_CHARACTERS && !asText) {
        if (count > 0) yield { statement: { sql: into + values, params: [] }, rows: count }
        values = ''
        count = 0
        yield longRow(run, into, from, columns, key, at)
        continue
      }
      if (values && values.length + tuple.length > STATEMENT_CHARACTERS) {
        yield { statement: { sql: into + values, params: [] }, rows: count }
        values = ''
        count = 0
      }
      values += values ? `,${tuple}` : tuple
      count++
    }
    if (count > 0) yield { statement: { sql: into + values, params: [] }, rows: count }
    if (rows.length < wanted && !isCut) return
    after = `WHERE (${order}) > (${rows.at(-1)?.[1]})`
    const characters = rows.reduce((sum, [tuple]) => sum + ((tuple as string | null)?.length ?? PAGE_CHARACTERS), 0)
    wanted = Math.max(1, Math.min(MAX_ROWS, Math.floor((rows.length * PAGE_CHARACTERS) / (characters || 1))))
  }
}

/** Rows as SQL says them, unless that is longer than the runtime takes for one text. */
function pageOf(read: Read, literals: string, last: string, page: string, order: string) {
  try {
    return read(`SELECT '(' || ${literals} || ')', ${last} FROM (${page}) ORDER BY ${order}`)
  } catch (cause) {
    if (String(cause).includes('too big')) return undefined
    throw cause
  }
}

/** A row of values that are too long together for one text, so each is read by itself. */
function hugeRow(
  run: Run,
  into: string,
  from: string,
  columns: readonly string[],
  key: readonly string[],
  at: string,
  asText: boolean,
): Chunk {
  const values = columns.map((column) => {
    const value = `CASE WHEN ${isLong(column)} THEN ${column} ELSE ${literal(column)} END, ${isLong(column)}`
    const [row = []] = run(`SELECT ${value} FROM ${from} WHERE (${key}) = (${at})`)
    return { value: row[0] as string | ArrayBuffer, isBound: row[1] === 1 }
  })
  const texts = values.map(({ value, isBound }) => (!isBound ? value : asText ? written(value) : '?'))
  const params = asText ? [] : values.filter(({ isBound }) => isBound).map(({ value }) => value)
  return { statement: { sql: `${into}(${texts})`, params }, rows: 1 }
}

function written(value: string | ArrayBuffer): string {
  if (typeof value !== 'string') return `X'${new Uint8Array(value).toHex().toUpperCase()}'`
  if (value.includes('\0')) return `CAST(X'${new TextEncoder().encode(value).toHex().toUpperCase()}' AS TEXT)`
  return `'${value.replaceAll("'", "''")}'`
}

const isLong = (column: string) =>
  `typeof(${column}) IN ('text', 'blob') AND length(CAST(${column} AS BLOB)) > ${LONG_CHARACTERS}`

/** A row with values too long for the text of a statement: those are bound. */
function longRow(
  run: Run,
  into: string,
  from: string,
  columns: readonly string[],
  key: readonly string[],
  at: string,
): Chunk {
  const texts = columns.map((column) => `CASE WHEN ${isLong(column)} THEN '?' ELSE ${literal(column)} END`)
  const values = columns.map((column) => `CASE WHEN ${isLong(column)} THEN ${column} END`)
  const where = `WHERE (${key}) = (${at})`
  const [row = []] = run(`SELECT ${listed(texts)}, ${values} FROM ${from} ${where}`)
  const [text, ...bound] = row as [string, ...(string | ArrayBuffer | null)[]]
  const params = bound.filter((value) => value !== null)
  return { statement: { sql: `${into}(${text})`, params }, rows: 1 }
}

/** Columns that are inserted, the rowid among them unless a column is it, and those that order the rows. */
export function shapeOf(run: Run, table: string): { columns: string[]; key: string[] } {
  const all = run('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)', table) as [
    string,
    string,
    number,
    number,
  ][]
  const [kind] = run(`SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?`, table)
  const plain = all.filter(([, , , hidden]) => hidden === 0).map(([name]) => quoteName(name))
  const keys = all.filter(([, , pk]) => pk > 0).sort(([, , a], [, , b]) => a - b)
  if (kind?.[1] === 1) return { columns: plain, key: keys.map(([name]) => quoteName(name)) }
  const isRowid = keys.length === 1 && lower(keys[0]?.[1] ?? '') === 'integer'
  const rowid = ['rowid', '_rowid_', 'oid'].find((word) => !all.some(([name]) => lower(name) === word))
  if (isRowid) return { columns: plain, key: [quoteName(keys[0]?.[0] as string)] }
  // An r-tree's first column is its rowid.
  if (kind?.[0] === 'virtual' && /^\s*create\s+virtual\s+table\b.*\busing\s+rtree/is.test(sqlOf(run, table))) {
    return { columns: plain, key: [plain[0] as string] }
  }
  return rowid ? { columns: [rowid, ...plain], key: [rowid] } : { columns: plain, key: plain }
}

const sqlOf = (run: Run, table: string) =>
  (run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table)[0]?.[0] as string | undefined) ?? ''

/** What a full-text table says of where its content is: `undefined` for one that keeps it, '' for one that has none. */
export function contentOf(sql: string): string | undefined {
  if (!/^\s*create\s+virtual\s+table\b/i.test(sql)) return undefined
  if (/\busing\s+fts5vocab\b/i.test(sql)) return undefined
  const [, quoted, plain] = /[(,]\s*content\s*=\s*(?:(['"][^'"]*['"])|([\w$]+))/i.exec(sql) ?? []
  return quoted === undefined ? plain : quoted.slice(1, -1)
}

/** How far AUTOINCREMENT has counted. */
function sequencesOf(run: Run, tables: SchemaText['tables']): Page['statements'] | undefined {
  // The table of the counts stays when the last one that counts is dropped, but comes only with one.
  const counts = ({ sql }: { readonly sql: string }) =>
    [...tokens(sql)].some((token) => word(sql, token) === 'AUTOINCREMENT')
  if (!tables.some(counts)) return undefined
  const rows = run(
    "SELECT quote(name), quote(seq) FROM sqlite_sequence WHERE name IN (SELECT name FROM sqlite_master WHERE type = 'table')",
  )
  return [
    { sql: 'DELETE FROM sqlite_sequence', params: [] },
    ...rows.map(([name, seq]) => ({
      sql: `INSERT INTO sqlite_sequence (name, seq) VALUES (${name}, ${seq})`,
      params: [],
    })),
  ]
}

const sizeOf = (params: readonly (string | ArrayBuffer)[]): number =>
  params.reduce((sum, param) => sum + (typeof param === 'string' ? param.length : param.byteLength), 0)
