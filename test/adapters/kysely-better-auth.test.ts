import { kyselyAdapter } from '@better-auth/kysely-adapter'
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
import { getMigrations } from 'better-auth/db/migration'
import { Kysely, sql } from 'kysely'
import { PerSQLDialect } from '../../packages/kysely/src/index.ts'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

// All of Better Auth's tests for adapters, with its own adapter for Kysely.
const platform = await sharedPlatform()
const { token } = await platform.createNamespace(ns)
const database = new PerSQL({ token, baseURL: platform.url }).database(`${ns}/main`)
const db = new Kysely<Record<string, never>>({ dialect: new PerSQLDialect({ database }) })

const { execute } = await testAdapter({
  adapter: () => kyselyAdapter(db, { type: 'sqlite', transaction: true }),
  async runMigrations(options) {
    for (const { name } of await db.introspection.getTables()) await sql`DROP TABLE ${sql.table(name)}`.execute(db)
    const { runMigrations } = await getMigrations({ ...options, database: { db, type: 'sqlite' } })
    await runMigrations()
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
