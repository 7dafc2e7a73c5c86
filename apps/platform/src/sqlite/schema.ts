import { quoteName } from './identifiers.ts'
import type { RunSql } from './schema-map.ts'
import type { SchemaObject, SchemaText } from './schema-text.ts'
import { isInternal } from './system-tables.ts'

export type { SchemaObject, SchemaText } from './schema-text.ts'

const AFTER_TABLES = ['index', 'view', 'trigger']

/** Reads the tenant's schema, without the objects of SQLite, the runtime and PerSQL. */
export function readSchemaText(run: RunSql): SchemaText {
  const shadows = new Set(
    run("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'").map(([name]) => name),
  )
  const objects = run('SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid')
    .map(([type, name, table, sql]) => ({ type, name, table, sql }) as SchemaObject & { table: string })
    .filter(({ name, table }) => !isInternal(name) && !isInternal(table) && !shadows.has(name) && !shadows.has(table))
    .map(({ type, name, sql }): SchemaObject => ({ type, name, sql }))
  return {
    tables: objects.filter(({ type }) => type === 'table'),
    others: AFTER_TABLES.flatMap((type) => objects.filter((object) => object.type === type)),
  }
}

/** Drops the tenant's schema with its rows. Call it in a transaction with foreign keys off. */
export function dropSchema(run: RunSql): void {
  const { tables, others } = readSchemaText(run)
  const drop = ({ type, name }: SchemaObject) => run(`DROP ${type.toUpperCase()} IF EXISTS ${quoteName(name)}`)
  // Triggers first, so that none runs. Virtual tables before the tables that they index.
  for (const object of others.toReversed()) drop(object)
  const isVirtual = ({ sql }: SchemaObject) => /^\s*create\s+virtual\b/i.test(sql)
  for (const object of [...tables.filter(isVirtual), ...tables.filter((table) => !isVirtual(table))]) drop(object)
}
