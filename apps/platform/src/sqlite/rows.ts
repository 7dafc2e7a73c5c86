import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from './identifiers.ts'
import { listed, literalOrMark } from './literal.ts'
import type { SchemaText } from './schema.ts'
import type { RunSql } from './schema-map.ts'
import type { StoredMigration } from './stored-migration.ts'
import { getFullTextContent, isVocabulary, readTableShape } from './table-shape.ts'
import { tokens, word } from './tokenizer.ts'
import { type BoundSql, toBoundRow, toSql, type Value } from './values.ts'
import { type DamagedText, groupExpressions, mayBeDamaged, type Read, TableWalk, utf8Length } from './walk.ts'

/**
 * Rows to copy into another database: statements that insert many rows each, or one row with values too long for SQL.
 */
export interface Page {
  readonly statements: readonly BoundSql[]
  readonly rows: number
  /** Migrations that were applied to the source. */
  readonly migrations?: readonly StoredMigration[]
  /** Texts of these rows that aren't UTF-8: the first per table and page. */
  readonly damaged: readonly DamagedText[]
}

/** Small enough that other calls run in between without a noticeable delay. */
const PAGE_CHARACTERS = 50_000
/** A statement can have 100,000 bytes, and a character up to three of them. */
const STATEMENT_BYTES = 98_000
const STATEMENT_CHARACTERS = 30_000
/** Rows with more values are inserted one by one: VALUES with several rows is a result, whose columns are limited. */
const MAX_COLUMNS = 100
const FIRST_ROWS = 32
const MAX_ROWS = 1_000

/**
 * Yields all rows of a schema's tables in pages. The shadow tables of virtual tables are filled by their modules.
 * @param asText writes every value as SQL, even if it is long, for readers that can't bind values
 * @param staged prefixes the names of the target tables, which are created first, with untyped columns; content that
 * can't be read back is omitted
 */
export function* readPages(read: Read, { tables }: SchemaText, asText = false, staged = ''): Generator<Page> {
  const run: RunSql = (sql, ...params) => read(sql, ...params).rows
  let statements: BoundSql[] = []
  let damaged: DamagedText[] = []
  let characters = 0
  let rows = 0
  for (const { name, sql } of tables) {
    for (const chunk of readChunks(read, run, name, sql, asText, staged)) {
      statements.push(chunk.statement)
      if (chunk.damaged && damaged.at(-1)?.table !== name) damaged.push(chunk.damaged)
      characters += chunk.statement.sql.length + getSize(chunk.statement.params)
      rows += chunk.rows
      if (characters < PAGE_CHARACTERS) continue
      yield { statements, rows, damaged }
      statements = []
      damaged = []
      characters = rows = 0
    }
  }
  const sequences = staged ? undefined : readSequences(run, tables)
  yield { statements: sequences ? [...statements, ...sequences] : statements, rows, damaged }
}

/**
 * Returns the statements that a database needs after its tables are filled. If one fails, it would fail in the source
 * too.
 */
export const rebuilds = (schema: SchemaText): string[] => filled(schema).map(filling)

/** Returns the full-text tables whose content is in another existing table or view. */
export function filled({ tables, others }: SchemaText): string[] {
  const holders = [...tables, ...others.filter(({ type }) => type === 'view')]
  const names = new Set(holders.map(({ name }) => lower(name)))
  return tables.filter(({ sql }) => names.has(lower(getFullTextContent(sql) ?? ''))).map(({ name }) => name)
}

/** Returns the statement that rebuilds a full-text table from its content. */
export const filling = (table: string): string =>
  `INSERT INTO ${quoteName(table)} (${quoteName(table)}) VALUES ('rebuild')`

interface Chunk {
  readonly statement: BoundSql
  readonly rows: number
  readonly damaged?: DamagedText | undefined
}

function* readChunks(
  read: Read,
  run: RunSql,
  table: string,
  sql: string,
  asText: boolean,
  staged: string,
): Generator<Chunk> {
  const content = getFullTextContent(sql)
  // A contentless full-text index can't be read back.
  if (content === '' && staged) return
  if (content === '')
    throw new PerSQLError('copy_impossible', {
      problem: `table "${table}" is a full-text index that doesn't store its content`,
    })
  // The rows belong to another table.
  if (content !== undefined || isVocabulary(sql)) return
  const shape = readTableShape(run, table)
  if (shape.columns.length === 0) return
  // A staged table has its own rowid, so the source's can be omitted if there are too many columns.
  const isTooWide = staged !== '' && shape.columns.length > MAX_COLUMNS
  const columns = isTooWide ? shape.columns.slice(1) : shape.columns
  const target = quoteName(staged + table)
  if (staged) yield { statement: { sql: `CREATE TABLE ${target} (${columns})`, params: [] }, rows: 0 }
  const into = `INSERT INTO ${target} (${columns}) VALUES `
  const most = Math.max(1_000, Math.min(STATEMENT_CHARACTERS, Math.floor((STATEMENT_BYTES - utf8Length(into)) / 3)))
  const isInexact = asText ? isInexactInFile : (text: string) => mayBeDamaged(text) || text.length > most
  const rows = readRows(new TableWalk(read, table, shape), columns, isInexact)
  const write = (row: readonly Value[]) => inParentheses(asText ? toSqlRow(row) : toBoundRow(row, most))
  yield* inserts(into, rows, write, columns.length > MAX_COLUMNS ? 0 : most)
}

/** A row to insert: SQL in parentheses, or its values if SQL would be inexact or too long. */
type Row = string | { readonly values: readonly Value[]; readonly damaged: DamagedText | undefined }

/**
 * Returns whether a row as SQL text would be inexact in a file: bytes can be lost, and the sqlite3 shell loses some
 * line endings.
 */
const isInexactInFile = (text: string): boolean => mayBeDamaged(text) || text.includes('\r')

/** Yields the rows of a table, page by page. */
function* readRows(
  walk: TableWalk,
  columns: readonly string[],
  isInexact: (text: string) => boolean,
): Generator<Row[]> {
  const tuples = groupExpressions(columns.map(literalOrMark)).map(listed)
  const isWhole = tuples.length === 1
  const expressions = [...(isWhole ? [`'(' || ${tuples} || ')'`] : tuples), walk.keySql]
  const toText = (row: readonly unknown[]) => (isWhole ? (row[0] as string) : `(${row.slice(0, -1).join(',')})`)
  const exact = (count: number, offset: number): Row[] =>
    walk.values(count, offset, columns).map((values) => ({ values, damaged: walk.findDamage(values, columns) }))
  let wanted = FIRST_ROWS
  for (;;) {
    const page = tryPage(walk, expressions, wanted)
    if (page === undefined && wanted > 1) {
      wanted = Math.ceil(wanted / 8)
      continue
    }
    // Without a page, a single row is too long for one text.
    const rows: Row[] = page?.rows.map(toText) ?? exact(1, 0)
    const characters = rows.reduce((sum, row) => sum + (typeof row === 'string' ? row.length : PAGE_CHARACTERS), 0)
    const isOdd = (row: Row) => typeof row === 'string' && isInexact(row)
    const from = rows.findIndex(isOdd)
    if (from >= 0) {
      const odd = exact(rows.findLastIndex(isOdd) + 1 - from, from)
      for (const [i, row] of odd.entries()) if (isOdd(rows[from + i] as Row)) rows[from + i] = row
    }
    if (rows.length > 0) yield rows
    if (page?.isLast || rows.length === 0) return
    walk.advance(rows.length - 1, page?.rows.at(-1)?.at(-1) as string | undefined)
    wanted = Math.max(1, Math.min(MAX_ROWS, Math.floor((rows.length * PAGE_CHARACTERS) / (characters || 1))))
  }
}

/** Reads rows as SQL. Returns `undefined` if a text exceeds the runtime's limit. */
function tryPage(walk: TableWalk, expressions: readonly string[], count: number) {
  try {
    return walk.page(expressions, count)
  } catch (cause) {
    if (String(cause).includes('too big')) return undefined
    throw cause
  }
}

/** Combines rows into statements of up to `most` characters. With 0, each row has its own statement. */
function* inserts(
  into: string,
  pages: Iterable<readonly Row[]>,
  write: (row: readonly Value[]) => BoundSql,
  most: number,
): Generator<Chunk> {
  let values = ''
  let count = 0
  let damaged: DamagedText | undefined
  const take = (): Chunk => {
    const chunk = { statement: { sql: into + values, params: [] }, rows: count, damaged }
    values = ''
    count = 0
    damaged = undefined
    return chunk
  }
  for (const rows of pages) {
    for (const row of rows) {
      const { sql, params } = typeof row === 'string' ? { sql: row, params: NONE } : write(row.values)
      if (count > 0 && (params.length > 0 || values.length + sql.length > most)) yield take()
      if (typeof row !== 'string') damaged ??= row.damaged
      if (params.length > 0) {
        yield { statement: { sql: into + sql, params }, rows: 1, damaged }
        damaged = undefined
        continue
      }
      values += values ? `,${sql}` : sql
      count++
    }
  }
  if (count > 0) yield take()
}

const NONE: BoundSql['params'] = []

const inParentheses = ({ sql, params }: BoundSql): BoundSql => ({ sql: `(${sql})`, params })
const toSqlRow = (row: readonly Value[]): BoundSql => ({ sql: row.map(toSql).join(','), params: [] })

/** Returns the statements that restore the counters of AUTOINCREMENT. */
function readSequences(run: RunSql, tables: SchemaText['tables']): BoundSql[] | undefined {
  // `sqlite_sequence` outlives the last AUTOINCREMENT table, but is created only with the first one.
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

const getSize = (params: BoundSql['params']): number =>
  params.reduce((sum, param) => sum + (typeof param === 'string' ? param.length : param.byteLength), 0)
