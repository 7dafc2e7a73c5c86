import { lower, quoteName } from './guard/statement.ts'
import { isInternal } from './internal.ts'

/** Tables of the tenant: neither SQLite's own, nor ours, nor the tables behind a virtual table. */
export function userTables(sql: SqlStorage, scope: readonly string[] | null): { name: string; sql: string }[] {
  const allowed = scope && new Set(scope.map(lower))
  const shadows = new Set(
    [...sql.exec(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'`).raw()].map(
      ([name]) => name,
    ),
  )
  return [...sql.exec(`SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name`).raw()]
    .map(([name, text]) => ({ name: name as string, sql: (text as string | null) ?? '' }))
    .filter(({ name }) => !isInternal(name) && !shadows.has(name) && (!allowed || allowed.has(lower(name))))
}

/** Tables with their row counts, and how many rows it took to count them. */
export function readTables(sql: SqlStorage, scope: readonly string[] | null) {
  let rowsRead = 0
  const tables = userTables(sql, scope).map(({ name }) => {
    const cursor = sql.exec(`SELECT count(*) FROM ${quoteName(name)}`)
    const rowCount = [...cursor.raw()][0]?.[0] as number
    rowsRead += cursor.rowsRead
    return { name, rowCount }
  })
  return { tables, rowsRead }
}
