import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { readTableShape } from '../../sqlite/table-shape.ts'
import { parseIdentifier, type Token, tokens, word } from '../../sqlite/tokenizer.ts'
import { withName } from '../versions/merge/table-text.ts'

/** A change of a column's definition. SQLite has no statement for it; libSQL has. */
export interface AlteredColumn {
  /** The names in lower case. */
  readonly table: string
  readonly column: string
  /** The new definition, which begins with the name of the column. */
  readonly definition: string
}

const MAY_ALTER = /\balter\b[\s\S]*\balter\b[\s\S]*\bto\b/i

/** Parses `ALTER TABLE t ALTER [COLUMN] c TO definition`. Returns `undefined` for any other statement. */
export function parseAlterColumn(sql: string): AlteredColumn | undefined {
  if (!MAY_ALTER.test(sql)) return undefined
  const list = [...tokens(sql)]
  while (list.at(-1)?.kind === 'semicolon') list.pop()
  if (word(sql, list[0]) !== 'ALTER' || word(sql, list[1]) !== 'TABLE') return undefined
  let at = 2
  if (getText(sql, list[at + 1]) === '.') {
    if (parseIdentifier(sql, list[at] as Token) !== 'main') return undefined
    at += 2
  }
  const table = list[at]
  if (!isName(table) || word(sql, list[at + 1]) !== 'ALTER') return undefined
  at += word(sql, list[at + 2]) === 'COLUMN' && word(sql, list[at + 3]) !== 'TO' ? 3 : 2
  const [column, to, first, last] = [list[at], list[at + 1], list[at + 2], list.at(-1)]
  if (!isName(column) || word(sql, to) !== 'TO' || !isName(first) || !last) return undefined
  if (list.some(({ kind }) => kind === 'semicolon')) return undefined
  return {
    table: parseIdentifier(sql, table),
    column: parseIdentifier(sql, column),
    definition: sql.slice(first.start, last.end),
  }
}

/**
 * Returns the text of a table with another definition of a column.
 * @throws PerSQLError `sql_error` if it has no such column
 */
export function withColumn(createTable: string, { table, column, definition }: AlteredColumn): string {
  const list = [...tokens(createTable)]
  const open = list.findIndex(({ kind }) => kind === 'open')
  let depth = 0
  let start = open + 1
  for (let i = open + 1; i < list.length; i++) {
    const token = list[i] as Token
    const ends = depth === 0 && (token.kind === 'close' || getText(createTable, token) === ',')
    if (ends) {
      const [first, last] = [list[start], list[i - 1]]
      if (first && last && parseIdentifier(createTable, first) === column) {
        return createTable.slice(0, first.start) + definition + createTable.slice(last.end)
      }
      if (token.kind === 'close') break
      start = i + 1
    } else if (token.kind === 'open') depth++
    else if (token.kind === 'close') depth--
  }
  throw failed(`no such column: "${column}" in table "${table}"`)
}

type SchemaRow = readonly [type: string, name: string, table: string, sql: string]

/**
 * Returns the statements that rebuild a table with another definition of a column. Foreign keys must be off while they
 * run. Its indexes are created again, and so are views and triggers that use it.
 * @throws PerSQLError `sql_error`
 */
export function rebuildStatements(run: RunSql, change: AlteredColumn): readonly string[] {
  const objects = run(
    `SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND lower(name) NOT GLOB '_cf_*'
       AND lower(tbl_name) NOT GLOB '_cf_*' AND lower(tbl_name) NOT GLOB '_persql_*' ORDER BY rowid`,
  ) as unknown as SchemaRow[]
  const old = objects.find(([type, name]) => type === 'table' && lower(name) === change.table)
  if (!old) throw failed(`no such table: ${change.table}`)
  const [, name, , sql] = old
  if (/^\s*create\s+virtual\b/i.test(sql)) throw failed(`cannot alter a column of the virtual table "${name}"`)
  const altered = withColumn(sql, change)
  const staged = freeName(`${name}_altered`, objects)
  const users = listUsers(change.table, objects)
  const { columns } = readTableShape(run, name)
  const renamed = quoteName(firstName(change.definition))
  const into = columns.map((each) => (lower(each) === lower(quoteName(change.column)) ? renamed : each))
  const counter = run("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")[0]?.[0] === 1
  const [sequence] = counter ? run('SELECT max(seq) FROM sqlite_sequence WHERE name = ?', name) : []
  const keepsCounter = typeof sequence?.[0] === 'number' && /\bautoincrement\b/i.test(altered)
  return [
    ...users.map(([type, user]) => `DROP ${type} ${quoteName(user)}`).reverse(),
    withName(altered, staged),
    `INSERT OR ABORT INTO ${quoteName(staged)} (${into}) SELECT ${columns} FROM ${quoteName(name)}`,
    `DROP TABLE ${quoteName(name)}`,
    `ALTER TABLE ${quoteName(staged)} RENAME TO ${quoteName(name)}`,
    ...(keepsCounter
      ? [`UPDATE sqlite_sequence SET seq = ${sequence?.[0]} WHERE name = '${name.replaceAll("'", "''")}'`]
      : []),
    ...objects.filter(([type, , of]) => type === 'index' && lower(of) === change.table).map(([, , , text]) => text),
    ...users.map(([, , , text]) => text),
  ]
}

/** Returns the views and triggers that use a table, also through other views. SQLite checks them when it renames one. */
function listUsers(table: string, objects: readonly SchemaRow[]): readonly SchemaRow[] {
  const used = new Set([table])
  const users = new Set<SchemaRow>()
  for (let size = -1; size !== users.size; ) {
    size = users.size
    for (const object of objects) {
      const [type, name, of, sql] = object
      if (users.has(object) || (type !== 'view' && type !== 'trigger')) continue
      const names = [...tokens(sql)].map((token) => parseIdentifier(sql, token))
      if (!used.has(lower(of)) && !names.some((each) => used.has(each))) continue
      users.add(object)
      if (type === 'view') used.add(lower(name))
    }
  }
  return objects.filter((object) => users.has(object))
}

function freeName(name: string, objects: readonly SchemaRow[]): string {
  const taken = new Set(objects.map(([, each]) => lower(each)))
  let free = name
  for (let i = 2; taken.has(lower(free)); i++) free = `${name}_${i}`
  return free
}

/** Returns the name at the start of a column's definition, unquoted. Its case is kept. */
function firstName(definition: string): string {
  const [token] = tokens(definition)
  if (!token) return definition
  const text = definition.slice(token.start, token.end)
  if (token.kind !== 'quoted') return text
  const quote = text[0] as string
  return quote === '[' ? text.slice(1, -1) : text.slice(1, -1).replaceAll(quote + quote, quote)
}

const getText = (sql: string, token: Token | undefined): string => (token ? sql.slice(token.start, token.end) : '')

const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted'

function failed(message: string): PerSQLError {
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind: 'unknown' } } })
}
