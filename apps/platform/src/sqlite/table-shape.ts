import { lower, quoteName } from './identifiers.ts'
import type { RunSql } from './schema-map.ts'
import { parseIdentifier, type Token, tokens, word } from './tokenizer.ts'

/** The columns and key of a table, for copying its rows. */
export interface TableShape {
  /** The inserted columns as SQL. The rowid comes first if no column is an alias for it. */
  readonly columns: readonly string[]
  /** Whether the first column is a rowid that `SELECT *` omits. */
  readonly hasHiddenRowid: boolean
  /** The columns that order the rows and are unique together. Empty if columns use all names of the rowid. */
  readonly key: readonly string[]
  /** The key columns with the collations that make them unique. */
  readonly order: readonly string[]
}

/** Reads the shape of a table. */
export function readTableShape(run: RunSql, table: string): TableShape {
  const all = run('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)', table) as [
    string,
    string,
    number,
    number,
  ][]
  const [kind] = run(`SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?`, table)
  const columns = all.filter(([, , , hidden]) => hidden === 0).map(([name]) => quoteName(name))
  const keys = all.filter(([, , pk]) => pk > 0).sort(([, , a], [, , b]) => a - b)
  const names = keys.map(([name]) => quoteName(name))
  const shape = { columns, hasHiddenRowid: false, key: names, order: names }
  if (kind?.[1] === 1) {
    const collations = readCollations(run, table)
    return { ...shape, order: keys.map(([name]) => quoteName(name) + (collations.get(lower(name)) ?? '')) }
  }
  const isRowid = keys.length === 1 && lower(keys[0]?.[1] ?? '') === 'integer'
  if (isRowid) return shape
  // The first column of an R-Tree is its rowid.
  if (kind?.[0] === 'virtual' && /^\s*create\s+virtual\s+table\b.*\busing\s+rtree/is.test(readTableSql(run, table))) {
    const key = columns.slice(0, 1)
    return { ...shape, key, order: key }
  }
  const rowid = ['rowid', '_rowid_', 'oid'].find((word) => !all.some(([name]) => lower(name) === word))
  if (rowid === undefined) return { ...shape, key: [], order: [] }
  return { columns: [rowid, ...columns], hasHiddenRowid: true, key: [rowid], order: [rowid] }
}

/** Returns the collations of a primary key, which can differ from those of its columns. */
function readCollations(run: RunSql, table: string): Map<string, string> {
  const rows = run(
    "SELECT x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key = 1",
    table,
  ) as [string, string][]
  return new Map(rows.map(([name, collation]) => [lower(name), ` COLLATE ${quoteName(collation)}`]))
}

const readTableSql = (run: RunSql, table: string) =>
  (run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table)[0]?.[0] as string | undefined) ?? ''

/**
 * Returns the table or view that a full-text table indexes: `undefined` if it stores its own content, '' if it is
 * contentless. FTS5 accepts prefixes of an option's name, and takes the first option that matches.
 */
export function getFullTextContent(sql: string): string | undefined {
  if (!/^\s*create\s+virtual\s+table\b/i.test(sql)) return undefined
  const list = [...tokens(sql)]
  const using = list.findIndex((token) => word(sql, token) === 'USING')
  if (word(sql, list[using + 1]) !== 'FTS5') return undefined
  for (let i = using + 2; i < list.length - 3; i++) {
    const [before, name, equals, value] = list.slice(i, i + 4) as [Token, Token, Token, Token]
    const begins = before.kind === 'open' || sql[before.start] === ','
    const option = word(sql, name).toLowerCase()
    if (begins && option !== '' && 'content'.startsWith(option) && sql[equals.start] === '=') {
      return value.kind === 'quoted' ? unquoted(sql, value) : sql.slice(value.start, value.end)
    }
  }
  return undefined
}

/** Returns whether a table lists the terms of a full-text index. It has no rows of its own. */
export const isVocabulary = (sql: string): boolean =>
  /^\s*create\s+virtual\s+table\b/i.test(sql) && /\busing\s+fts5vocab\b/i.test(sql)

const unquoted = (sql: string, token: Token): string =>
  // `parseIdentifier` converts the name to lower case, as SQLite does for comparisons.
  parseIdentifier(sql.slice(token.start, token.end), { kind: 'quoted', start: 0, end: token.end - token.start })
