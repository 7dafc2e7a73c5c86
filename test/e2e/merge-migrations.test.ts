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
async function migrated(db: TestDatabase, name: string, sql: string): Promise<void> {
  const { body } = await db.request('/migrations', { body: { name, sql } })
  expect(body.error).toBeUndefined()
  expect((await db.request(`/migrations/${body.data.id}/apply`, { body: {} })).body.error).toBeUndefined()
}
const list = async (db: TestDatabase) => (await db.request('/migrations')).body.data.toReversed()
/** Names and checksums of the applied migrations. */
const applied = async (db: TestDatabase) =>
  (await list(db)).flatMap(({ name, checksum, appliedAt }: Record<string, string | null>) =>
    appliedAt === null ? [] : [[name, checksum]],
  )
const mergeMigrations = (db: TestDatabase, body: object = {}) => merge(db, { mode: 'migrations', ...body })
const readSchema = async (db: TestDatabase) => (await db.request('/schema')).body.data

describe('a merge of migrations', () => {
  test('runs in the parent what only the branch applied, with its rows, once', async () => {
    const db = await fresh()
    await migrated(db, '1', 'CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)')
    await ran(db, "INSERT INTO people (name) VALUES ('ada'), ('bob')")
    const branch = await createBranch(platform, db)
    await migrated(branch, '2', "ALTER TABLE people ADD COLUMN plan TEXT; UPDATE people SET plan = 'free'")
    await migrated(
      branch,
      '3',
      "CREATE TABLE plans (name TEXT PRIMARY KEY); INSERT INTO plans VALUES ('free'), ('pro')",
    )
    // The parent goes on too.
    await migrated(db, 'other', 'CREATE TABLE other (id)')
    const preview = (await merge(db)).data
    expect(preview.migrations).toMatchObject({ branch: ['2', '3'], parent: ['other'], diverged: [] })

    const { data } = await mergeMigrations(db, { expectedPlan: preview.planHash })
    expect(data).toMatchObject({
      mode: 'migrations',
      applied: true,
      migrations: { recorded: ['2', '3'], branch: ['2', '3'], parent: ['other'], diverged: [], tables: [] },
      snapshot: { label: 'Before merging "work"' },
    })
    expect(data.schema.statements.map(({ reason }: { reason: string }) => reason)).toEqual([
      ...['Migration "2".', 'Migration "2".', 'Migration "3".', 'Migration "3".'],
    ])
    const log = "SELECT sum(rows_written) FROM _persql_query_log WHERE operation = 'merge_branch'"
    expect(((await readRows(db, log))[0] as number[])[0]).toBeGreaterThanOrEqual(4)
    expect(await readRows(db, 'SELECT name, plan FROM people ORDER BY id')).toEqual([
      ['ada', 'free'],
      ['bob', 'free'],
    ])
    expect(await readRows(db, 'SELECT name FROM plans ORDER BY name')).toEqual([['free'], ['pro']])
    const theirs = new Map((await applied(branch)) as [string, string][])
    const ours = new Map((await applied(db)) as [string, string][])
    expect([...ours.keys()].toSorted()).toEqual(['1', '2', '3', 'other'])
    for (const name of ['2', '3']) expect(ours.get(name)).toBe(theirs.get(name))
    const [change] = (await db.request('/schema_changes')).body.data
    const three = (await list(db)).find(({ name }: { name: string }) => name === '3')
    expect([change.migrationId, three.inherited]).toEqual([three.id, undefined])

    // Nothing is left, and the files of the branch count as applied.
    const again = await mergeMigrations(db)
    expect(again.data).toMatchObject({ applied: false, snapshot: null, migrations: { recorded: [], branch: [] } })
    const { sql } = three
    expect((await db.request('/migrations', { body: { name: '3', sql } })).body.code).toBe('migration_applied')
    expect((await merge(db)).data.schema).toEqual({ statements: [], conflicts: [] })

    await db.request('/restore', { body: { snapshotId: data.snapshot.id } })
    expect((await applied(db)).map(([name]: [string]) => name).toSorted()).toEqual(['1', 'other'])
    expect(await readRows(db, 'SELECT count(*) FROM people')).toEqual([[2]])
  })

  test.each([
    ['rows that lack', 'INSERT INTO a (id) VALUES (1)', 'ALTER TABLE a ADD COLUMN b NOT NULL', 'sql_error'],
    ['a name that is taken', 'CREATE TABLE b (x)', 'CREATE TABLE b (id)', 'sql_error'],
    ['a unique index', 'INSERT INTO a (id, n) VALUES (1, 1), (2, 1)', 'CREATE UNIQUE INDEX u ON a (n)', 'sql_error'],
  ])('that fails because of %s changes nothing', async (_what, onParent, sql, code) => {
    const db = await fresh('CREATE TABLE a (id INTEGER PRIMARY KEY, n)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'good', 'CREATE TABLE good (id)')
    await migrated(branch, 'bad', sql)
    await ran(db, onParent)
    const before = [await readSchema(db), await list(db), (await db.request('/snapshots')).body.data]
    const refused = await mergeMigrations(db)
    expect([refused.code, refused.migration, refused.failedStatement.number]).toEqual([code, 'bad', 1])
    expect([await readSchema(db), await list(db), (await db.request('/snapshots')).body.data]).toEqual(before)
    expect((await db.query('INSERT INTO a (id) VALUES (99)')).status).toBe(200)
  })

  test('is refused if both sides have other migrations under a name', async () => {
    const db = await fresh('CREATE TABLE a (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'new', 'CREATE TABLE n (id)')
    await migrated(branch, 'same', 'ALTER TABLE a ADD COLUMN b')
    await migrated(db, 'same', 'SELECT 1')
    const refused = await db.request('/branches/work/merge', { body: { mode: 'migrations' } })
    expect([refused.status, refused.body.code]).toEqual([409, 'migrations_diverged'])
    expect(refused.body.error).toContain('"same"')
    expect(refused.body.merge.migrations).toMatchObject({ branch: ['new'], diverged: ['same'] })
    expect((await applied(db)).map(([name]: [string]) => name)).toEqual(['same'])
  })

  test('is refused if the plan has changed', async () => {
    const db = await fresh()
    const branch = await createBranch(platform, db)
    await migrated(branch, 'one', 'CREATE TABLE a (id)')
    const { planHash } = (await merge(db)).data
    await migrated(branch, 'two', 'CREATE TABLE b (id)')
    expect((await mergeMigrations(db, { expectedPlan: planHash })).code).toBe('merge_stale')
    expect(await applied(db)).toEqual([])
    const { planHash: now } = (await merge(db)).data
    const [schemaPart] = now.split('.')
    expect((await mergeMigrations(db, { expectedPlan: schemaPart })).code).toBe('merge_stale')
    expect((await mergeMigrations(db, { expectedPlan: now })).data.applied).toBe(true)
  })

  test('follows approval rules, like any migration', async () => {
    const db = await fresh('CREATE TABLE bills (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'one', 'CREATE TABLE free (id)')
    await migrated(branch, 'two', 'ALTER TABLE bills ADD COLUMN due')
    await db.request('/approval_rules', { body: { tableGlob: 'bills', action: 'deny' } })
    const refused = await mergeMigrations(db)
    expect(refused.code).toBe('approval_denied')
    expect(await readRows(db, "SELECT count(*) FROM sqlite_master WHERE name = 'free'")).toEqual([[0]])
    expect(await applied(db)).toEqual([])
  })

  const CHILD = 'CREATE TABLE child (id INTEGER PRIMARY KEY, a REFERENCES a ON DELETE CASCADE)'
  test.each([
    ['on', 'DELETE FROM a WHERE id = 1', [[1]]],
    [
      'off, for the rebuild of a table',
      'PRAGMA foreign_keys=OFF; CREATE TABLE a2 (id INTEGER PRIMARY KEY, n TEXT NOT NULL); INSERT INTO a2 SELECT * FROM a; DROP TABLE a; ALTER TABLE a2 RENAME TO a',
      [[2]],
    ],
  ])('runs with foreign keys %s', async (_what, sql, children) => {
    const db = await fresh('CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT)', CHILD)
    const branch = await createBranch(platform, db)
    await migrated(branch, 'one', sql)
    await ran(db, "INSERT INTO a VALUES (1, 'x'), (2, 'y')", 'INSERT INTO child VALUES (1, 1), (2, 2)')
    expect((await mergeMigrations(db)).error).toBeUndefined()
    expect(await readRows(db, 'SELECT count(*) FROM child')).toEqual(children)
    expect((await db.query('INSERT INTO child VALUES (9, 9)')).body.errorDetail.kind).toBe('fk_violation')
  })

  test('leaves IDs free for rows of new tables on the branch', async () => {
    const db = await fresh()
    const branch = await createBranch(platform, db)
    await migrated(branch, 'one', 'CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, t)')
    await ran(branch, "INSERT INTO n (t) VALUES ('branch')")
    expect((await mergeMigrations(db)).error).toBeUndefined()
    await ran(db, "INSERT INTO n (t) VALUES ('parent')")
    expect((await merge(db, { mode: 'data' })).error).toBeUndefined()
    expect(await readRows(db, 'SELECT count(*) FROM n')).toEqual([[2]])
  })

  test('of concurrent callers runs once', async () => {
    const db = await fresh('CREATE TABLE log (n)')
    const branch = await createBranch(platform, db)
    await migrated(branch, 'one', 'INSERT INTO log VALUES (1)')
    const answers = await Promise.all([1, 2, 3].map(() => mergeMigrations(db)))
    for (const { code } of answers) expect([undefined, 'merge_under_way']).toContain(code)
    expect(answers.filter(({ data }) => data?.applied)).toHaveLength(1)
    expect(await readRows(db, 'SELECT count(*) FROM log')).toEqual([[1]])
  })
})
