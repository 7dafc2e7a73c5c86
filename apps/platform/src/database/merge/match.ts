import type { Run } from '../guard/schema-map.ts'
import { lower, quoteName } from '../guard/statement.ts'
import { nameIn, ROWIDS, type Shape, STAGED, shapeOf } from './shape.ts'

/** A table of the branch, staged beside the parent's, as the pieces of SQL that bring their rows together. */
export interface Match {
  readonly table: string
  readonly shape: Shape
  /** The two tables: the branch's rows are `s`, the parent's `p`. */
  readonly staged: string
  readonly parent: string
  /** Columns that a row consists of, as they stand in SQL. */
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** Whether `s` and `p` have the same key; for rows with it, whether they are the same to the last bit. */
  readonly on: string
  readonly same: string
  /** The word for the rowid of the staged rows, unless columns bear all of its names. */
  readonly stagedRowid: string | undefined
}

/** @returns why the table cannot be merged, where it cannot */
export function matchOf(run: Run, table: string): Match | string {
  const shape = shapeOf(run, table)
  if (!shape) return 'The parent has no such table: merge the schema first.'
  const staged = (shapeOf(run, STAGED + table) as Shape).columns
  const [ours, theirs] = [new Set(shape.columns.map(lower)), new Set(staged.map(lower))]
  const missing = staged.filter((name) => !ours.has(lower(name)) && !ROWIDS.includes(name))
  if (missing.length > 0 || [...ours].some((name) => !theirs.has(name))) {
    return 'It has other columns in the parent: merge the schema first.'
  }
  const names = shape.key.some((name) => !shape.columns.includes(name))
    ? [...shape.key, ...shape.columns]
    : shape.columns
  const columns = names.map((name) => nameIn(shape, name))
  const key = shape.key.map((name) => nameIn(shape, name))
  const collations = collationsOf(run, table)
  const on = shape.key.map((name, i) => {
    const collation = collations.get(lower(name))
    return `p.${key[i]} = s.${key[i]}${collation ? ` COLLATE ${quoteName(collation)}` : ''}`
  })
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
    on: on.join(' AND '),
    same: `(${types} AND ${values})`,
    stagedRowid: ROWIDS.find((word) => !theirs.has(word)),
  }
}

/** By which collation the primary key tells rows apart, by column. */
function collationsOf(run: Run, table: string): Map<string, string> {
  return new Map(
    run(
      "SELECT x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key = 1",
      table,
    ).map(([name, collation]) => [lower(name as string), collation as string]),
  )
}
