import type { Docs, SchemaDescription } from '@persql/contract'
import { countRows } from '../../engine/schema.ts'
import { createNoteFinder } from './find-description.ts'
import { type Column, type Model, termNames } from './model.ts'

/** Returns the schema with its descriptions, and the rows read to count the tables. */
export function describeModel(sql: SqlStorage, { tables, views, triggers }: Model, docs: Docs) {
  const findNote = createNoteFinder(docs)
  let rowsRead = 0
  const count = (table: string): number | null => {
    const counted = countRows(sql, table)
    rowsRead += counted.rowsRead
    return counted.rowCount
  }
  const described = (table: string) => (column: Column) => ({ ...column, description: findNote(table, column.name) })
  const data: SchemaDescription = {
    databaseDescription: docs.databaseDescription || null,
    tables: tables.map(({ name, columns, foreignKeys, indexes }) => ({
      table: name,
      description: findNote(name),
      rowCount: count(name),
      columns: columns.map(described(name)),
      foreignKeys: [...foreignKeys],
      indexes: indexes.map(({ terms, ...index }) => ({
        ...index,
        columns: termNames(terms),
      })),
    })) as SchemaDescription['tables'],
    views: views.map(({ name, sql, columns }) => ({
      name,
      sql,
      description: findNote(name),
      columns: columns.map((column) => ({
        name: column.name,
        type: column.type,
        description: findNote(name, column.name),
      })),
    })),
    triggers: [...triggers],
  }
  return { data, rowsRead }
}
