import { termNames } from './model.ts'
import { readModel } from './read-model.ts'

/** The schema as data. A token with a table scope sees its tables only, and no views: those may read others. */
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
