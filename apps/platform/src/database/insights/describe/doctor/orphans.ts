import { quoteName } from '../../../../sqlite/identifiers.ts'
import type { ForeignKey, Model, Table } from '../model.ts'
import { resolveReference } from './parents.ts'

/**
 * Counts orphans among the first rows if the parent has an index; `undefined` if the foreign key can't be checked.
 * `PRAGMA foreign_key_check` has no row limit.
 */
export function findOrphans(
  sql: SqlStorage,
  table: Table,
  key: ForeignKey,
  model: Model,
  limit: number,
): { count: number; rowsRead: number } | undefined {
  const parent = resolveReference(key, model)
  if (parent.state !== 'found') return undefined
  const child = key.columns.map((column, i) => `${quoteName(column)} AS c${i}`)
  const filled = key.columns.map((_, i) => `c.c${i} IS NOT NULL`)
  // The unary plus removes the child's affinity, so SQLite compares with that of the parent column.
  const matches = parent.columns.map((column, i) => `p.${quoteName(column)} = +c.c${i}`)
  const query = `SELECT count(*) FROM (SELECT ${child.join(', ')} FROM ${quoteName(table.name)} AS k LIMIT ${limit}) AS c
    WHERE ${filled.join(' AND ')} AND NOT EXISTS
    (SELECT 1 FROM ${quoteName(parent.table.name)} AS p WHERE ${matches.join(' AND ')})`
  try {
    const plan = [...sql.exec(`EXPLAIN QUERY PLAN ${query}`).raw()]
    if (plan.some((row) => /^SCAN p\b|AUTOMATIC/.test(row[3] as string))) return undefined
    const cursor = sql.exec(query)
    const [row] = [...cursor.raw()]
    return { count: row?.[0] as number, rowsRead: cursor.rowsRead }
  } catch {
    // A generated column can fail for the values that it is computed from.
    return undefined
  }
}
