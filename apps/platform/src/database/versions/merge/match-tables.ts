import type { RunSql } from '../../../sqlite/schema-map.ts'
import { lower, quoteName } from '../../../sqlite/tokenizer.ts'
import { type MergeTableInfo, nameIn, ROWIDS, STAGED, shapeOf } from './merge-table-info.ts'

/** A table of the branch, staged beside the parent's, as the pieces of SQL that bring their rows together. */
export interface TableMatch {
  readonly table: string
  readonly shape: MergeTableInfo
  /** The two tables: the branch's rows are `s`, the parent's `p`. */
  readonly staged: string
  readonly parent: string
  /** Columns that a row consists of, as they stand in SQL. */
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** The key in tables of ours, where its columns have names of their own. */
  readonly keyColumns: readonly KeyColumn[]
  /** Whether two sides have the same key; all but `s` and `p` are tables of ours. */
  readonly link: (a: string, b: string) => string
  /** That, for `s` and `p`; for rows with the same key, whether they are the same to the last bit. */
  readonly on: string
  readonly same: string
  /** The word for the rowid of the staged rows, unless columns bear all of its names. */
  readonly stagedRowid: string | undefined
}

/** A column of a key, and by which collation it tells rows apart. */
export interface KeyColumn {
  readonly name: string
  readonly collation: string | undefined
}

/** How the columns of a key are declared in a table of ours. */
export const declared = (keys: readonly KeyColumn[]): string[] =>
  keys.map(({ name, collation }) => (collation ? `${name} COLLATE ${quoteName(collation)}` : name))

/** @returns why the table cannot be merged, where it cannot */
export function matchOf(run: RunSql, table: string): TableMatch | string {
  const shape = shapeOf(run, table)
  if (!shape) return "The table doesn't exist in the parent. Merge the schema first."
  const staged = (shapeOf(run, STAGED + table) as MergeTableInfo).columns
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
  const collations = collationsOf(run, table)
  const keyColumns = shape.key.map((name, i) => ({ name: `k${i}`, collation: collations.get(lower(name)) }))
  const link = (a: string, b: string) =>
    keyColumns
      .map(({ name, collation }, i) => {
        const of = (side: string) => `${side}.${side === 's' || side === 'p' ? key[i] : name}`
        return `${of(a)} = ${of(b)}${collation ? ` COLLATE ${quoteName(collation)}` : ''}`
      })
      .join(' AND ')
  // Rows of values rather than a chain of ANDs, whose depth is limited.
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

/** By which collation the primary key tells rows apart, by column. */
function collationsOf(run: RunSql, table: string): Map<string, string> {
  return new Map(
    run(
      "SELECT x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key = 1",
      table,
    ).map(([name, collation]) => [lower(name as string), collation as string]),
  )
}
