import { termNames } from './model.ts'
import { readModel } from './read-model.ts'

/**
 * Returns the schema as data. A token with a table scope sees only its tables and no views, because views can read
 * other tables.
 */
export function readSchema(sql: SqlStorage, scope: readonly string[] | null) {
  const { tables, views, triggers } = readModel(sql, scope)
  return {
    tables: tables.map(({ name, sql, columns, indexes, foreignKeys }) => ({
      name,
      sql,
      columns,
      indexes: indexes.map(({ name, unique, terms, sql }) => ({ name, unique, columns: termNames(terms), sql })),
      foreignKeys: foreignKeys.flatMap(({ columns, table, to, onDelete, onUpdate }) =>
        columns.map((column, i) => ({ column, table, to: to[i] ?? null, onDelete, onUpdate })),
      ),
    })),
    views: views.map(({ name, sql }) => ({ name, sql })),
    triggers,
  }
}
