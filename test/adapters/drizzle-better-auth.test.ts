import { drizzleAdapter } from '@better-auth/drizzle-adapter'
import {
  authFlowTestSuite,
  caseInsensitiveTestSuite,
  normalTestSuite,
  numberIdTestSuite,
  testAdapter,
  uuidTestSuite,
} from '@better-auth/test-utils/adapter'
import type { BetterAuthOptions } from 'better-auth'
import { getAuthTables } from 'better-auth/db'
import { sql } from 'drizzle-orm'
import { getTableConfig, integer, real, type SQLiteColumnBuilderBase, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { drizzle } from '../../packages/drizzle/src/index.ts'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

// Better Auth's tests for adapters, with its own adapter for Drizzle. Omitted are its suite of transactions, which
// reads inside a transaction, and that of joins, which requires a generated schema of relations.
const platform = await sharedPlatform()
const { token } = await platform.createNamespace(ns)
const database = new PerSQL({ token, baseURL: platform.url }).database(`${ns}/main`)

type Field = ReturnType<typeof getAuthTables>[string]['fields'][string]

function createColumn({ type }: Field): SQLiteColumnBuilderBase {
  if (type === 'number') return real()
  if (type === 'boolean') return integer({ mode: 'boolean' })
  if (type === 'date') return integer({ mode: 'timestamp_ms' })
  return type === 'string' || Array.isArray(type) ? text() : text({ mode: 'json' })
}

/** Returns the schema that Better Auth's command line would generate for these options. */
function createSchema(options: BetterAuthOptions) {
  const hasNumbers = options.advanced?.database?.generateId === 'serial'
  const tables = Object.values(getAuthTables(options)).map(({ modelName, fields }) => {
    const columns = Object.entries(fields).map(([name, field]) => [field.fieldName ?? name, createColumn(field)])
    const id = hasNumbers ? integer().primaryKey({ autoIncrement: true }) : text().primaryKey()
    return [modelName, sqliteTable(modelName, { id, ...Object.fromEntries(columns) })] as const
  })
  return Object.fromEntries(tables)
}

const { execute } = await testAdapter({
  adapter: (options) => drizzleAdapter(drizzle(database), { provider: 'sqlite', schema: createSchema(options) }),
  async runMigrations(options) {
    const db = drizzle(database)
    for (const { name } of await database.tables()) await db.run(sql`DROP TABLE ${sql.identifier(name)}`)
    for (const table of Object.values(createSchema(options))) {
      const { name, columns } = getTableConfig(table)
      const defined = columns.map((column) => {
        const key = column.primary ? sql` PRIMARY KEY` : sql``
        return sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}${key}`
      })
      await db.run(sql`CREATE TABLE ${sql.identifier(name)} (${sql.join(defined, sql`, `)})`)
    }
  },
  tests: [normalTestSuite(), authFlowTestSuite(), numberIdTestSuite(), uuidTestSuite(), caseInsensitiveTestSuite()],
  onFinish: () => platform.stop(),
})
execute()
