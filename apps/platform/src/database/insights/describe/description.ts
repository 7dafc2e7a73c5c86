import type { Docs, SchemaDescription } from '@persql/contract'
import type { TableCount } from '../../reads/count-tables.ts'
import { createNoteFinder } from './find-description.ts'
import { type Column, type Model, termNames } from './model.ts'

/** Returns the schema with its descriptions. `counts` has the number of rows of each table, in the order of the model. */
export function describeModel(
  { tables, views, triggers }: Model,
  docs: Docs,
  counts: readonly TableCount[],
): SchemaDescription {
  const findNote = createNoteFinder(docs)
  const described = (table: string) => (column: Column) => ({ ...column, description: findNote(table, column.name) })
  return {
    databaseDescription: docs.databaseDescription || null,
    tables: tables.map(({ name, columns, foreignKeys, indexes }, i) => ({
      table: name,
      description: findNote(name),
      rowCount: counts[i]?.rowCount ?? null,
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
}
