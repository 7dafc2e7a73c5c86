import { lower, quoteName } from './guard/statement.ts'

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

/** Whether a table is SQLite's, the runtime's or ours. */
export const isInternal = (name: string) => /^(sqlite_|_persql_|_cf_)/.test(lower(name))

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

/** The schema as data. A token with a table scope sees its tables only, and no views: those may read others. */
export function readSchema(sql: SqlStorage, scope: readonly string[] | null) {
  const tables = userTables(sql, scope).map((table) => ({
    ...table,
    columns: rows(
      sql,
      'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
      table.name,
    ).map(([name, type, notNull, value, primaryKey, hidden]) => ({
      name,
      type,
      notNull: notNull === 1,
      default: value,
      primaryKey,
      generated: hidden === 2 || hidden === 3,
    })),
    indexes: rows(
      sql,
      'SELECT l.name, l."unique", m.sql FROM pragma_index_list(?) l LEFT JOIN sqlite_master m ON m.name = l.name AND m.type = \'index\'',
      table.name,
    ).map(([name, unique, text]) => ({
      name,
      unique: unique === 1,
      columns: rows(sql, 'SELECT name FROM pragma_index_info(?)', name).map(([column]) => column ?? '(expression)'),
      sql: text,
    })),
    foreignKeys: rows(
      sql,
      'SELECT "from", "table", "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq',
      table.name,
    ).map(([column, parent, to, onDelete, onUpdate]) => ({ column, table: parent, to, onDelete, onUpdate })),
  }))
  const visible = new Set(tables.map(({ name }) => lower(name)))
  const programs = (type: string) =>
    rows(sql, 'SELECT name, tbl_name, sql FROM sqlite_master WHERE type = ? ORDER BY name', type).filter(
      ([name]) => !isInternal(name as string),
    )
  return {
    tables,
    views: scope ? [] : programs('view').map(([name, , text]) => ({ name, sql: text })),
    triggers: programs('trigger')
      .filter(([, table]) => scope === null || visible.has(lower(table as string)))
      .map(([name, table, text]) => ({ name, table, sql: text })),
  }
}

const rows = (sql: SqlStorage, text: string, ...params: unknown[]) => [...sql.exec(text, ...params).raw()]
