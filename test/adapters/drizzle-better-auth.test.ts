import { drizzleAdapter } from '@better-auth/drizzle-adapter'
import {
  authFlowTestSuite,
  caseInsensitiveTestSuite,
  joinsTestSuite,
  normalTestSuite,
  numberIdTestSuite,
  testAdapter,
  transactionsTestSuite,
  uuidTestSuite,
} from '@better-auth/test-utils/adapter'
import type { BetterAuthOptions } from 'better-auth'
import { getAuthTables } from 'better-auth/db'
import { relations, sql } from 'drizzle-orm'
import { getTableConfig, integer, real, type SQLiteColumnBuilderBase, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { drizzle } from '../../packages/drizzle/src/index.ts'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

// All of Better Auth's tests for adapters, with its own adapter for Drizzle.
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

/** Returns the tables that Better Auth's command line would generate for these options. */
function createTables(options: BetterAuthOptions) {
  const hasNumbers = options.advanced?.database?.generateId === 'serial'
  const tables = Object.values(getAuthTables(options)).map(({ modelName, fields }) => {
    const columns = Object.entries(fields).map(([name, field]) => [field.fieldName ?? name, createColumn(field)])
    const id = hasNumbers ? integer().primaryKey({ autoIncrement: true }) : text().primaryKey()
    return [modelName, sqliteTable(modelName, { id, ...Object.fromEntries(columns) })] as const
  })
  return Object.fromEntries(tables)
}

type Table = ReturnType<typeof createTables>[string]

/** Returns the tables with their relations. */
function createSchema(options: BetterAuthOptions) {
  const tables = createTables(options)
  const models = getAuthTables(options)
  const toTarget = ({ model, field }: NonNullable<Field['references']>) => {
    const { modelName: to = model, fields = {} } = models[model] ?? {}
    return { to, toField: fields[field]?.fieldName ?? field }
  }
  const links = Object.values(models).flatMap(({ modelName, fields }) =>
    Object.entries(fields).flatMap(([name, { references, fieldName = name, unique }]) =>
      references ? [{ from: modelName, ...toTarget(references), fieldName, isUnique: unique === true }] : [],
    ),
  )
  const related = Object.entries(tables).map(([model, table]) => {
    const all = relations(table, ({ one, many }) => {
      const out = links.filter(({ from }) => from === model)
      const back = links.filter(({ to }) => to === model)
      const column = (of: Table | undefined, name: string) => (of as unknown as Record<string, never>)[name] as never
      return Object.fromEntries([
        ...out.map(({ to, toField, fieldName }) => [
          to,
          one(tables[to] as Table, { fields: [column(table, fieldName)], references: [column(tables[to], toField)] }),
        ]),
        ...back.map(({ from, isUnique }) =>
          isUnique ? [from, one(tables[from] as Table)] : [`${from}s`, many(tables[from] as Table)],
        ),
      ])
    })
    return [`${model}Relations`, all] as const
  })
  return { ...tables, ...Object.fromEntries(related) }
}

const { execute } = await testAdapter({
  adapter(options) {
    const schema = createSchema(options)
    return drizzleAdapter(drizzle(database, { schema }), { provider: 'sqlite', schema, transaction: true })
  },
  async runMigrations(options) {
    const db = drizzle(database)
    for (const { name } of await database.tables()) await db.run(sql`DROP TABLE ${sql.identifier(name)}`)
    for (const table of Object.values(createTables(options))) {
      const { name, columns } = getTableConfig(table)
      const defined = columns.map((column) => {
        const key = column.primary ? sql` PRIMARY KEY` : sql``
        return sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}${key}`
      })
      await db.run(sql`CREATE TABLE ${sql.identifier(name)} (${sql.join(defined, sql`, `)})`)
    }
  },
  tests: [
    normalTestSuite(),
    authFlowTestSuite(),
    joinsTestSuite(),
    numberIdTestSuite(),
    uuidTestSuite(),
    caseInsensitiveTestSuite(),
    transactionsTestSuite(),
  ],
  onFinish: () => platform.stop(),
})
execute()
