import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, readRows, type TestDatabase } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

const fresh = (...statements: string[]) => databaseWith(platform, token, statements, ns)
async function migrated(db: TestDatabase, name: string, sql: string): Promise<string> {
  const { body } = await db.request('/migrations', { body: { name, sql } })
  expect(body.error).toBeUndefined()
  expect((await db.request(`/migrations/${body.data.id}/apply`, { body: {} })).body.error).toBeUndefined()
  return body.data.id
}
/** Names of migrations, each with whether it counts as applied. */
const state = async (db: TestDatabase): Promise<[string, boolean][]> =>
  (await db.request('/migrations')).body.data
    .map(({ name, appliedAt }: { name: string; appliedAt: string | null }) => [name, appliedAt !== null])
    .reverse()
const snapshot = async (db: TestDatabase): Promise<string> =>
  (await db.request('/snapshots', { body: { label: 'here' } })).body.data.id
const restore = async (db: TestDatabase, snapshotId: string): Promise<string> => {
  const { body } = await db.request('/restore', { body: { snapshotId } })
  expect(body.error).toBeUndefined()
  return body.data.before.id
}

describe('a restore puts the state of migrations back with the schema', () => {
  test('a migration applied later is a draft again, can be applied again, and undoing brings it back', async () => {
    const db = await fresh()
    await migrated(db, 'one', 'CREATE TABLE a (id INTEGER PRIMARY KEY)')
    const at = await snapshot(db)
    const id = await migrated(db, 'two', 'ALTER TABLE a ADD COLUMN b')
    const before = await restore(db, at)
    expect(await state(db)).toEqual([
      ['one', true],
      ['two', false],
    ])
    expect((await db.request(`/migrations/${id}/apply`, { body: {} })).status).toBe(200)
    expect(await readRows(db, 'SELECT b FROM a')).toEqual([])
    const again = await restore(db, at)
    await restore(db, before)
    expect(await state(db)).toEqual([
      ['one', true],
      ['two', true],
    ])
    const applied = await db.request(`/migrations/${id}/apply`, { body: {} })
    expect([applied.status, applied.body.code]).toEqual([409, 'migration_applied'])
    await restore(db, again)
    expect(await readRows(db, 'SELECT b FROM a')).toEqual([])
    expect((await state(db)).every(([, isApplied]) => isApplied)).toBe(true)
  })

  test('the record of schema changes goes on, with one entry for what the restore changed', async () => {
    const db = await fresh('CREATE TABLE a (id)', 'CREATE TABLE b (id)')
    const at = await snapshot(db)
    await migrated(db, 'one', 'DROP TABLE a; ALTER TABLE b ADD COLUMN n; CREATE TABLE c (id)')
    await restore(db, at)
    const [last, ...earlier] = (await db.request('/schema_changes')).body.data
    expect(last).toMatchObject({ kind: 'other', sql: '-- Restore of "here"', migrationId: null })
    expect(last.objects).toEqual([
      { type: 'table', name: 'a', change: 'added' },
      { type: 'table', name: 'c', change: 'removed' },
      { type: 'table', name: 'b', change: 'changed' },
    ])
    expect(earlier).toHaveLength(5)
    await restore(db, at)
    expect((await db.request('/schema_changes')).body.data).toHaveLength(6)
  })

  test('before the first migration, and after everything was undone by hand', async () => {
    const db = await fresh()
    const empty = await snapshot(db)
    await migrated(db, 'one', 'CREATE TABLE a (id)')
    await migrated(db, 'two', 'CREATE TABLE b (id)')
    await restore(db, empty)
    expect(await state(db)).toEqual([
      ['one', false],
      ['two', false],
    ])
    const { body } = await db.request('/migrations')
    for (const { id } of body.data.toReversed()) {
      expect((await db.request(`/migrations/${id}/apply`, { body: {} })).status).toBe(200)
    }
    expect(await readRows(db, 'SELECT count(*) FROM a, b')).toEqual([[0]])
  })

  test('drafts stay as they are, and give way to what was applied under their name or number', async () => {
    const db = await fresh()
    await migrated(db, 'one', 'CREATE TABLE a (id)')
    const at = await snapshot(db)
    const empty = (await db.request('/snapshots')).body.data
    expect(empty).toHaveLength(1)
    await db.request('/migrations', { body: { name: 'idea', sql: 'CREATE TABLE c (id)' } })
    const before = await restore(db, at)
    expect(await state(db)).toEqual([
      ['one', true],
      ['idea', false],
    ])
    await migrated(db, 'two', 'CREATE TABLE d (id)')
    const later = await snapshot(db)
    await restore(db, before)
    const [two] = (await db.request('/migrations')).body.data
    expect([two.name, two.appliedAt]).toEqual(['two', null])
    // It is renamed, and another one takes its name.
    await db.request(`/migrations/${two.id}`, { method: 'PATCH', body: { name: 'renamed' } })
    await db.request('/migrations', { body: { name: 'two', sql: 'CREATE TABLE other (id)' } })
    await restore(db, later)
    const known = (await db.request('/migrations')).body.data
    expect(Object.fromEntries(known.map((one: { name: string; sql: string }) => [one.name, one.sql]))).toEqual({
      one: 'CREATE TABLE a (id)',
      idea: 'CREATE TABLE c (id)',
      two: 'CREATE TABLE d (id)',
      renamed: 'CREATE TABLE d (id)',
    })
    expect(new Set(known.map(({ id }: { id: string }) => id)).size).toBe(4)
  })

  test('an automatic snapshot before a migration does so too', async () => {
    const db = await fresh('CREATE TABLE a (id)', 'INSERT INTO a VALUES (1)')
    const { body } = await db.request('/migrations', { body: { name: 'lossy', sql: 'DELETE FROM a' } })
    const applied = await db.request(`/migrations/${body.data.id}/apply`, { body: {} })
    await restore(db, applied.body.meta.snapshot.id)
    expect(await state(db)).toEqual([['lossy', false]])
    expect(await readRows(db, 'SELECT id FROM a')).toEqual([[1]])
  })
})

describe('branches and forks begin with the applied migrations', () => {
  const names = async (db: TestDatabase) => (await state(db)).map(([name]) => name)

  test('a fork, and its own snapshots', async () => {
    const db = await fresh()
    await migrated(db, 'one', 'CREATE TABLE a (id)')
    await db.request('/migrations', { body: { name: 'idea', sql: 'SELECT 1' } })
    await db.request('/fork', { body: { slug: `${db.slug}-fork` } })
    const fork = platform.database(ns, `${db.slug}-fork`, token)
    const [one] = (await fork.request('/migrations')).body.data
    expect(one).toMatchObject({ name: 'one', inherited: true, appliedAt: expect.any(String) })
    expect(await names(fork)).toEqual(['one'])
    const at = await snapshot(fork)
    await migrated(fork, 'two', 'CREATE TABLE b (id)')
    await restore(fork, at)
    expect(await state(fork)).toEqual([
      ['one', true],
      ['two', false],
    ])
    expect(await names(db)).toEqual(['one', 'idea'])
  })

  test.each(['claim', 'put', 'reset'])('a branch that is made by %s, and numbers go on', async (how) => {
    const db = await fresh()
    await migrated(db, 'one', 'CREATE TABLE a (id)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'two', 'CREATE TABLE b (id)')
    expect(await names(branch)).toEqual(['one', 'two'])
    await migrated(db, 'three', 'CREATE TABLE c (id)')
    if (how === 'claim') return expect(await names(branch)).toEqual(['one', 'two'])
    if (how === 'put') await db.request('/branches/work', { method: 'PUT', body: {} })
    else await createBranch(platform, db)
    const reset = platform.database(ns, branch.slug, token)
    expect(await state(reset)).toEqual([
      ['one', true],
      ['three', true],
    ])
    await migrated(reset, 'two', 'CREATE TABLE b (id)')
    expect(await names(reset)).toEqual(['one', 'three', 'two'])
  })

  test('merging the schema records what the branch applied, once', async () => {
    const db = await fresh()
    await migrated(db, 'one', 'CREATE TABLE a (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'two', 'ALTER TABLE a ADD COLUMN b')
    await migrated(branch, 'three', 'CREATE TABLE c (id INTEGER PRIMARY KEY)')
    await db.request('/migrations', { body: { name: 'three', sql: 'CREATE TABLE c (id INTEGER PRIMARY KEY)' } })
    const preview = (await merge(db)).data
    const [branchOnly, none] = [['two', 'three'], []]
    expect(preview.migrations).toEqual({
      ...{ recorded: branchOnly, diverged: none, tables: none },
      ...{ branch: branchOnly, parent: none },
    })
    expect(await state(db)).toEqual([
      ['one', true],
      ['three', false],
    ])
    const merged = await merge(db, { mode: 'schema', expectedPlan: preview.planHash })
    expect([merged.error, merged.data.migrations]).toEqual([undefined, preview.migrations])
    expect((await state(db)).toSorted()).toEqual([
      ['one', true],
      ['three', true],
      ['two', true],
    ])
    expect((await merge(db)).data.migrations).toBeUndefined()
    await restore(db, merged.data.snapshot.id)
    expect((await state(db)).toSorted()).toEqual([
      ['one', true],
      ['three', false],
      ['two', false],
    ])
  })

  test('another migration under the same name stays what it is in the parent', async () => {
    const db = await fresh('CREATE TABLE a (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'same', 'ALTER TABLE a ADD COLUMN b')
    await migrated(db, 'same', 'SELECT 1')
    const merged = await merge(db, { mode: 'schema' })
    expect(merged.data.migrations).toMatchObject({ recorded: [], diverged: ['same'], tables: [] })
    expect((await db.request('/migrations')).body.data.map(({ sql }: { sql: string }) => sql)).toEqual(['SELECT 1'])
  })
})

/** The table of each tool, with a row of the parent, a row of the branch, and the columns that identify rows. */
const TOOLS: [string, string, string, string, string][] = [
  [
    'Drizzle',
    'CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
    "(NULL, 'a', 1)",
    "(NULL, 'b', 2)",
    'hash',
  ],
  [
    'Kysely',
    'CREATE TABLE kysely_migration (name varchar(255) NOT NULL PRIMARY KEY, timestamp varchar(255) NOT NULL)',
    "('a', 't')",
    "('b', 't')",
    'name',
  ],
  [
    'Knex',
    'CREATE TABLE knex_migrations (id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime)',
    "(1, 'a', 1, 0)",
    "(2, 'b', 2, 0)",
    'name',
  ],
  [
    'Prisma',
    'CREATE TABLE _prisma_migrations (id TEXT PRIMARY KEY NOT NULL, checksum TEXT NOT NULL, finished_at DATETIME, migration_name TEXT NOT NULL, logs TEXT, rolled_back_at DATETIME, started_at DATETIME NOT NULL DEFAULT current_timestamp, applied_steps_count INTEGER UNSIGNED NOT NULL DEFAULT 0)',
    "('u1', 'c', 1, 'a', NULL, NULL, 0, 1)",
    "('u2', 'c', 1, 'b', NULL, NULL, 0, 1)",
    'migration_name',
  ],
  [
    'Wrangler',
    'CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
    "(1, 'a', 0)",
    "(2, 'b', 0)",
    'name',
  ],
  [
    'TypeORM',
    'CREATE TABLE "migrations" (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, timestamp bigint NOT NULL, name varchar NOT NULL)',
    "(1, 1, 'a')",
    "(2, 2, 'b')",
    'name',
  ],
  [
    'Laravel',
    'CREATE TABLE migrations (id integer primary key autoincrement not null, migration varchar not null, batch integer not null)',
    "(1, 'a', 1)",
    "(2, 'b', 1)",
    'migration',
  ],
  [
    'Sequelize',
    'CREATE TABLE `SequelizeMeta` (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY)',
    "('a')",
    "('b')",
    'name',
  ],
  [
    'MikroORM',
    'CREATE TABLE mikro_orm_migrations (id integer not null primary key autoincrement, name text null, executed_at datetime null)',
    "(1, 'a', 0)",
    "(2, 'b', 0)",
    'name',
  ],
  [
    'Django',
    'CREATE TABLE django_migrations (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL)',
    "(1, 'auth', 'a', 0)",
    "(2, 'auth', 'b', 0)",
    'name',
  ],
  ['Rails', 'CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY)', "('a')", "('b')", 'version'],
  [
    'Ecto',
    'CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT)',
    '(1, 0)',
    '(2, 0)',
    'version',
  ],
  [
    'Goose',
    "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))",
    '(1, 1, 1, 0)',
    '(2, 2, 1, 0)',
    'version_id',
  ],
  [
    'sqlx',
    'CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)',
    "(1, 'a', 0, 1, x'00', 1)",
    "(2, 'b', 0, 1, x'01', 1)",
    'description',
  ],
  [
    'Flyway',
    'CREATE TABLE "flyway_schema_history" (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, installed_by VARCHAR(100) NOT NULL, installed_on TEXT NOT NULL, execution_time INT NOT NULL, success BOOLEAN NOT NULL)',
    "(1, '1', 'a', 'SQL', 'a.sql', 1, 'me', 0, 1, 1)",
    "(2, '2', 'b', 'SQL', 'b.sql', 1, 'me', 0, 1, 1)",
    'script',
  ],
  [
    'EF Core',
    'CREATE TABLE "__EFMigrationsHistory" ("MigrationId" TEXT NOT NULL PRIMARY KEY, "ProductVersion" TEXT NOT NULL)',
    "('a', '9')",
    "('b', '9')",
    '"MigrationId"',
  ],
  [
    'SeaORM',
    'CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)',
    "('a', 0)",
    "('b', 0)",
    'version',
  ],
]

describe('what migration tools have noted travels', () => {
  test.each(TOOLS)('%s', async (_tool, table, row, next, key) => {
    const name = /CREATE TABLE ["`]?(\w+)/.exec(table)?.[1] as string
    const put = (values: string) => `INSERT INTO "${name}" VALUES ${values}`
    const db = await fresh('CREATE TABLE app (id INTEGER PRIMARY KEY)', 'INSERT INTO app VALUES (1)', table, put(row))
    const claimed = await db.request('/claim_branch', { body: { ref: 'work', role: 'admin', ttlSec: 0 } })
    expect(claimed.body.data.rows).toEqual({ carried: [{ table: name, rows: 1 }] })
    const branch = platform.database(ns, claimed.body.data.databaseSlug, claimed.body.data.token)
    expect(await readRows(branch, `SELECT * FROM "${name}"`)).toEqual(await readRows(db, `SELECT * FROM "${name}"`))
    expect(await readRows(branch, 'SELECT count(*) FROM app')).toEqual([[0]])

    // The branch goes on, and brings its rows along with its schema only.
    await ran(branch, 'ALTER TABLE app ADD COLUMN a', put(next), 'INSERT INTO app (a) VALUES (7)')
    const preview = (await merge(db)).data
    expect(preview.schema.conflicts).toEqual([])
    expect(preview.migrations).toMatchObject({ recorded: [], diverged: [], tables: [{ table: name, rows: 1 }] })
    expect((await merge(db, { mode: 'data' })).code).toBe('merge_conflict')
    expect(await readRows(db, `SELECT count(*) FROM "${name}"`)).toEqual([[1]])
    const merged = await merge(db, { mode: 'schema', expectedPlan: preview.planHash })
    expect(merged.error).toBeUndefined()
    const keys = `SELECT ${key} FROM "${name}" ORDER BY 1`
    expect(await readRows(db, keys)).toEqual(await readRows(branch, keys))
    expect((await merge(db, { mode: 'data', expectedPlan: preview.planHash })).data.applied).toBe(true)
    expect((await merge(db)).data).toMatchObject({ schema: { statements: [], conflicts: [] }, data: { conflicts: [] } })
  })

  test.each(TOOLS)(
    '%s: a migration that both sides ran is recorded once, under any number',
    async (_tool, table, row, next, key) => {
      const name = /CREATE TABLE ["`]?(\w+)/.exec(table)?.[1] as string
      const put = (values: string) => `INSERT INTO "${name}" VALUES ${values}`
      const third = next
        .replaceAll("'b", "'c")
        .replaceAll(/\b2\b/g, '3')
        .replace("'u2'", "'u3'")
        .replace("'b.sql'", "'c.sql'")
      const db = await fresh('CREATE TABLE app (id INTEGER PRIMARY KEY)', table, put(row))
      const branch = await createBranch(platform, db)
      const add = 'ALTER TABLE app ADD COLUMN a'
      await ran(branch, add, put(next))
      await ran(db, add, put(next))
      const hasNumber = /^\(\d/.test(third) && !/^(version|description)$/.test(key)
      // The parent has used the number of the branch's last one for another.
      if (hasNumber) await ran(db, put(third.replaceAll("'c", "'d").replace(/, 3/, ', 4')))
      await ran(branch, 'ALTER TABLE app ADD COLUMN b', put(third))
      const merged = await merge(db, { mode: 'schema' })
      expect(merged.error).toBeUndefined()
      expect(merged.data.migrations.tables).toEqual([{ table: name, rows: 1 }])
      const keys = (await readRows(db, `SELECT DISTINCT ${key} FROM "${name}"`)) as unknown[]
      expect(await readRows(db, `SELECT count(*) FROM "${name}"`)).toEqual([[keys.length]])
      expect(keys).toHaveLength(hasNumber ? 4 : 3)
    },
  )

  test.each([
    [
      'Alembic',
      'CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT pk PRIMARY KEY (version_num))',
      ["'a'", "'b'", "'c'"],
    ],
    ['golang-migrate', 'CREATE TABLE schema_migrations (version uint64, dirty bool)', ['1, 0', '2, 0', '3, 0']],
  ])('%s: the branch moves the parent on, unless that has moved itself', async (_tool, table, [a, b, c]) => {
    const name = /CREATE TABLE (\w+)/.exec(table)?.[1] as string
    const db = await fresh('CREATE TABLE app (id INTEGER PRIMARY KEY)', table, `INSERT INTO ${name} VALUES (${a})`)
    const set = (values: string) => [`DELETE FROM ${name}`, `INSERT INTO ${name} VALUES (${values})`]
    const branch = await createBranch(platform, db)
    await ran(branch, 'ALTER TABLE app ADD COLUMN a', ...set(b as string))
    expect((await merge(db, { mode: 'schema' })).data.migrations.tables).toEqual([{ table: name, rows: 1 }])
    expect(await readRows(db, `SELECT * FROM ${name}`)).toEqual(await readRows(branch, `SELECT * FROM ${name}`))
    await ran(db, ...set(c as string))
    expect((await merge(db)).data.schema.conflicts).toEqual([])
    await ran(branch, 'ALTER TABLE app ADD COLUMN b', ...set(a as string))
    const refused = await merge(db, { mode: 'schema' })
    expect([refused.code, refused.merge.schema.conflicts[0].name]).toEqual(['merge_conflict', name])
    await ran(branch, ...set(c as string))
    expect((await merge(db, { mode: 'schema' })).error).toBeUndefined()
  })

  test('locks are free on the branch, and stay as they are in the parent', async () => {
    const db = await fresh(
      'CREATE TABLE kysely_migration_lock (id varchar(255) NOT NULL PRIMARY KEY, is_locked integer DEFAULT 0 NOT NULL)',
      "INSERT INTO kysely_migration_lock VALUES ('migration_lock', 1)",
      'CREATE TABLE knex_migrations_lock ("index" integer not null primary key autoincrement, is_locked integer)',
      'INSERT INTO knex_migrations_lock VALUES (1, 1)',
    )
    const branch = await createBranch(platform, db)
    const locks = 'SELECT is_locked FROM kysely_migration_lock UNION ALL SELECT is_locked FROM knex_migrations_lock'
    expect(await readRows(branch, locks)).toEqual([[0], [0]])
    await ran(branch, 'CREATE TABLE b (id INTEGER PRIMARY KEY)')
    expect((await merge(db, { mode: 'schema' })).error).toBeUndefined()
    expect(await readRows(db, locks)).toEqual([[1], [1]])
  })

  test.each([
    [
      'of a table with other columns',
      'CREATE TABLE schema_migrations (version, body)',
      'INSERT INTO schema_migrations VALUES (1, 1)',
      undefined,
    ],
    [
      'of more than 10,000 rows',
      'CREATE TABLE schema_migrations (version)',
      'INSERT INTO schema_migrations SELECT value FROM json_each(json_array(1)), (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) SELECT i FROM n)',
      null,
    ],
    [
      'of more than 1 MiB',
      'CREATE TABLE schema_migrations (version)',
      'INSERT INTO schema_migrations VALUES (zeroblob(1048577))',
      null,
    ],
  ])('rows %s do not', async (_what, table, insert, rows) => {
    const db = await fresh(table, insert)
    const { body } = await db.request('/claim_branch', { body: { ref: 'work', role: 'admin', ttlSec: 0 } })
    const carried = rows === undefined ? undefined : { carried: [{ table: 'schema_migrations', rows }] }
    expect(body.data.rows).toEqual(carried)
    const branch = platform.database(ns, body.data.databaseSlug, body.data.token)
    expect(await readRows(branch, 'SELECT count(*) FROM schema_migrations')).toEqual([[0]])
  })
})
