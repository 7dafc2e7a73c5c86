import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { type RunSql, readSchemaMap } from '../../sqlite/schema-map.ts'
import { isInternal } from '../../sqlite/system-tables.ts'

/**
 * Returns the tenant's tables, without those of SQLite and PerSQL and the shadow tables of virtual tables. With a table
 * scope, it omits virtual tables that read tables out of scope, because every use of them is refused.
 */
export function userTables(sql: SqlStorage, scope: readonly string[] | null): { name: string; sql: string }[] {
  const shadows = new Set(
    [...sql.exec(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'`).raw()].map(
      ([name]) => name,
    ),
  )
  const isVisible = scope === null ? () => true : visibility((text) => [...sql.exec(text).raw()], scope)
  return [...sql.exec(`SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name`).raw()]
    .map(([name, text]) => ({ name: name as string, sql: (text as string | null) ?? '' }))
    .filter(({ name, sql: text }) => !isInternal(name) && !shadows.has(name) && isVisible(name, text))
}

function visibility(run: RunSql, scope: readonly string[]): (table: string, sql: string) => boolean {
  const allowed = new Set(scope.map(lower))
  const readable = new Set(
    [...readSchemaMap(run).virtual.values()]
      .filter((tables) => tables.every((table) => allowed.has(lower(table))))
      .map(([name]) => name),
  )
  return (name, sql) => allowed.has(lower(name)) && (!/^create\s+virtual\b/i.test(sql) || readable.has(name))
}

/** Counts the rows of a table; `null` for a virtual table that can't be read because its source is missing. */
export function countRows(sql: SqlStorage, table: string): { rowCount: number | null; rowsRead: number } {
  try {
    const cursor = sql.exec(`SELECT count(*) FROM ${quoteName(table)}`)
    const [row] = [...cursor.raw()]
    return { rowCount: row?.[0] as number, rowsRead: cursor.rowsRead }
  } catch {
    return { rowCount: null, rowsRead: 0 }
  }
}
