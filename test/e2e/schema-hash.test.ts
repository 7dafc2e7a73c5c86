import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, type TestDatabase } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { imported } from '../transfer.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

const fresh = (...statements: string[]) => databaseWith(platform, token, statements, ns)

interface Listed {
  readonly slug: string
  readonly schemaHash: string | null
  readonly migration: { readonly name: string; readonly appliedAt: string; readonly count: number } | null
}

/** Returns a database as lists show it, which ask no database. */
async function listed(slug: string, secret = token): Promise<Listed> {
  const { body } = await platform.request('/v1/databases', { token: secret })
  return body.data.find((database: Listed) => database.slug === slug)
}
const toSlug = (db: TestDatabase): string => db.path.split('/').at(-1) as string
/** Waits until both databases have a hash, and returns whether it is the same. */
async function expectSame(one: string, other: string): Promise<void> {
  await expect
    .poll(async () => {
      const [a, b] = await Promise.all([listed(one), listed(other)])
      return [a.schemaHash, b.schemaHash].includes(null) ? 'unknown' : a.schemaHash === b.schemaHash
    })
    .toBe(true)
}
const expectHash = (slug: string, schemaHash: string | null) =>
  expect.poll(async () => (await listed(slug)).schemaHash).toBe(schemaHash)
async function readHash(slug: string): Promise<string> {
  await expect.poll(async () => (await listed(slug)).schemaHash).toMatch(/^[0-9a-f]{32}$/)
  return (await listed(slug)).schemaHash as string
}
async function migrate(db: TestDatabase, name: string, sql: string): Promise<void> {
  const { body } = await db.request('/migrations', { body: { name, sql } })
  expect(body.error).toBeUndefined()
  expect((await db.request(`/migrations/${body.data.id}/apply`, { body: {} })).body.error).toBeUndefined()
}

describe('the schema in the list of databases', () => {
  test('is the same in every way to it, and follows each change of it within seconds', async () => {
    const migrated = await fresh('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    await ran(migrated, 'ALTER TABLE t ADD COLUMN "Name" TEXT NOT NULL DEFAULT \'\'')
    await ran(migrated, 'CREATE INDEX i ON t ("Name")')
    const made = await fresh(
      "create table T(id integer, name text DEFAULT '' not null, primary key (id))",
      'create index I on T (name asc)',
    )
    await expectSame(toSlug(migrated), toSlug(made))
    const before = await readHash(toSlug(made))
    await ran(made, 'DROP INDEX i')
    await expect.poll(async () => (await listed(toSlug(made))).schemaHash).not.toBe(before)
    await ran(made, 'CREATE INDEX i ON t (name)')
    await expectHash(toSlug(made), before)
  })

  test('does not depend on rows, on tables of migration tools or on writes that are rolled back', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    const before = await readHash(toSlug(db))
    const steps = 'CREATE TABLE "__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)'
    await ran(db, steps)
    await ran(db, 'CREATE INDEX steps ON __drizzle_migrations (hash)')
    await ran(db, 'INSERT INTO t VALUES (1)')
    const statements = [{ sql: 'CREATE TABLE u (a)' }, { sql: 'SELECT missing FROM t' }]
    expect((await db.request('/batch', { body: { statements, transaction: true } })).status).toBe(400)
    await ran(db, 'CREATE VIEW v AS SELECT 1')
    await expect.poll(async () => (await listed(toSlug(db))).schemaHash).not.toBe(before)
    await ran(db, 'DROP VIEW v')
    await expectHash(toSlug(db), before)
  })

  test('is null for a schema that is too large, and is not for one that was', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    const before = await readHash(toSlug(db))
    const text = 'x'.repeat(90_000)
    for (let i = 0; i < 23; i++) await ran(db, `CREATE VIEW v${i} AS SELECT '${text}' AS a`)
    await expectHash(toSlug(db), null)
    for (let i = 0; i < 23; i++) await ran(db, `DROP VIEW v${i}`)
    await expectHash(toSlug(db), before)
  })

  test('names the last migration and counts them, also one that changes nothing', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    const last = async () => {
      const { migration } = await listed(toSlug(db))
      return migration && [migration.name, migration.count]
    }
    expect(await last()).toBeNull()
    await migrate(db, 'one', 'CREATE TABLE u (a)')
    await expect.poll(last).toEqual(['one', 1])
    await migrate(db, 'two', 'DELETE FROM t WHERE a = 1')
    await expect.poll(last).toEqual(['two', 2])
    const { body } = await db.request('/migrations', { body: { name: 'three', sql: 'INSERT INTO missing VALUES (1)' } })
    expect((await db.request(`/migrations/${body.data.id}/apply`, { body: {} })).status).toBe(400)
    await ran(db, 'CREATE TABLE w (a)')
    const before = await readHash(toSlug(db))
    await ran(db, 'CREATE TABLE x (a)')
    await expect.poll(async () => (await listed(toSlug(db))).schemaHash).not.toBe(before)
    expect(await last()).toEqual(['two', 2])
    const [applied] = (await db.request('/migrations')).body.data.filter(
      ({ name }: Listed['migration'] & object) => name === 'two',
    )
    expect((await listed(toSlug(db))).migration?.appliedAt).toBe(applied.appliedAt)
  })

  test('of forks and branches is that of their parent before their first call', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    await migrate(db, 'one', 'CREATE TABLE u (a)')
    await expect.poll(async () => (await listed(toSlug(db))).migration?.count).toBe(1)
    const parent = await listed(toSlug(db))
    const fork = uniqueName('fork')
    expect((await db.request('/fork', { body: { slug: fork } })).status).toBeLessThan(300)
    expect(await listed(fork)).toMatchObject({ schemaHash: parent.schemaHash, migration: parent.migration })
    const branch = await createBranch(platform, db)
    expect(await listed(toSlug(branch))).toMatchObject({ schemaHash: parent.schemaHash, migration: parent.migration })
    await migrate(branch, 'two', 'ALTER TABLE u ADD COLUMN b')
    await expect.poll(async () => (await listed(toSlug(branch))).migration?.name).toBe('two')
    const changed = await readHash(toSlug(branch))
    expect(changed).not.toBe(parent.schemaHash)
    expect((await merge(db, { mode: 'schema' })).error).toBeUndefined()
    await expectHash(toSlug(db), changed)
    await expect.poll(async () => (await listed(toSlug(db))).migration).toMatchObject({ name: 'two', count: 2 })
    await createBranch(platform, db)
    expect((await listed(toSlug(branch))).schemaHash).toBe(changed)
  })

  test('goes back with a restore and follows an import', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    await migrate(db, 'one', 'CREATE TABLE u (a)')
    await expect.poll(async () => (await listed(toSlug(db))).migration?.count).toBe(1)
    const before = await listed(toSlug(db))
    const { id } = (await db.request('/snapshots', { body: { label: 'here' } })).body.data
    await migrate(db, 'two', 'DROP TABLE u')
    await expect.poll(async () => (await listed(toSlug(db))).migration?.count).toBe(2)
    expect((await db.request('/restore', { body: { snapshotId: id } })).status).toBe(200)
    await expect
      .poll(() => listed(toSlug(db)))
      .toMatchObject({ schemaHash: before.schemaHash, migration: before.migration })
    const empty = await fresh()
    const { body } = await imported(empty, 'CREATE TABLE t (a);\nCREATE TABLE u (a);\n', 'format=sql')
    expect(body.error).toBeUndefined()
    await expectHash(toSlug(empty), before.schemaHash)
  })

  test('is hidden from a token with a table scope', async () => {
    const db = await fresh('CREATE TABLE t (a)')
    await migrate(db, 'one', 'CREATE TABLE u (a)')
    await expect.poll(async () => (await listed(toSlug(db))).migration?.count).toBe(1)
    const wanted = { name: 'some', role: 'readonly', tableScope: ['t'] }
    const { body } = await platform.request('/v1/tokens', { token, body: wanted })
    expect(await listed(toSlug(db), body.data.token)).toMatchObject({ schemaHash: null, migration: null })
  })
})
