import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type MergeTableInfo, nameIn, ROWIDS, readMergeTableInfo, STAGED } from './merge-table-info.ts'

/** A staged table of the branch and its match in the parent, as SQL fragments that join their rows. */
export interface TableMatch {
  readonly table: string
  readonly shape: MergeTableInfo
  /** The two tables: `s` is the branch's, `p` the parent's. */
  readonly staged: string
  readonly parent: string
  /** The columns of a row, quoted for SQL. */
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** The key columns in system tables, where they have their own names. */
  readonly keyColumns: readonly KeyColumn[]
  /** Returns SQL that compares the keys of two tables; all except `s` and `p` are system tables. */
  readonly link: (a: string, b: string) => string
  /** SQL that compares the keys of `s` and `p`, and SQL that compares all values of two rows exactly. */
  readonly on: string
  readonly same: string
  /** The name of the rowid of the staged rows, unless columns use all of its names. */
  readonly stagedRowid: string | undefined
}

/** A key column and the collation that compares it. */
export interface KeyColumn {
  readonly name: string
  readonly collation: string | undefined
}

/** Returns the declarations of key columns in a system table. */
export const declared = (keys: readonly KeyColumn[]): string[] =>
  keys.map(({ name, collation }) => (collation ? `${name} COLLATE ${quoteName(collation)}` : name))

/** Returns the match of a table, or the reason why it can't be merged. */
export function matchTable(run: RunSql, table: string): TableMatch | string {
  const shape = readMergeTableInfo(run, table)
  if (!shape) return "The table doesn't exist in the parent. Merge the schema first."
  const staged = (readMergeTableInfo(run, STAGED + table) as MergeTableInfo).columns
  const [ours, theirs] = [new Set(shape.columns.map(lower)), new Set(staged.map(lower))]
  const missing = staged.filter((name) => !ours.has(lower(name)) && !ROWIDS.includes(name))
  if (missing.length > 0 || [...ours].some((name) => !theirs.has(name))) {
    return 'The table has different columns in the parent. Merge the schema first.'
  }
  const names = shape.key.some((name) => !shape.columns.includes(name))
    ? [...shape.key, ...shape.columns]
    : shape.columns
  const columns = names.map((name) => nameIn(shape, name))
  const key = shape.key.map((name) => nameIn(shape, name))
  const collations = readCollations(run, table)
  const keyColumns = shape.key.map((name, i) => ({ name: `k${i}`, collation: collations.get(lower(name)) }))
  const link = (a: string, b: string) =>
    keyColumns
      .map(({ name, collation }, i) => {
        const of = (side: string) => `${side}.${side === 's' || side === 'p' ? key[i] : name}`
        return `${of(a)} = ${of(b)}${collation ? ` COLLATE ${quoteName(collation)}` : ''}`
      })
      .join(' AND ')
  // Row values instead of a chain of ANDs, whose depth is limited.
  const row = (text: (column: string) => string) => `(${columns.map(text).join(', ')})`
  const types = `${row((column) => `typeof(p.${column})`)} IS ${row((column) => `typeof(s.${column})`)}`
  const values = `${row((column) => `p.${column} COLLATE BINARY`)} IS ${row((column) => `s.${column}`)}`
  return {
    table,
    shape,
    staged: quoteName(STAGED + table),
    parent: quoteName(table),
    columns,
    key,
    keyColumns,
    link,
    on: link('p', 's'),
    same: `(${types} AND ${values})`,
    stagedRowid: ROWIDS.find((word) => !theirs.has(word)),
  }
}

/** Returns the collations of the primary key by column. */
function readCollations(run: RunSql, table: string): Map<string, string> {
  return new Map(
    run(
      "SELECT x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key = 1",
      table,
    ).map(([name, collation]) => [lower(name as string), collation as string]),
  )
}
