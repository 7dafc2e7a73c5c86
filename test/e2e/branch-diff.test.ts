import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, type TestDatabase } from '../merge-helpers.ts'
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
const diff = async (db: TestDatabase, query = '', ref = 'work') =>
  (await db.request(`/branches/${ref}/diff${query}`)).body
const none = { branch: [], parent: [], diverged: [] }
async function migrated(db: TestDatabase, name: string, sql: string): Promise<void> {
  const { body } = await db.request('/migrations', { body: { name, sql } })
  expect((await db.request(`/migrations/${body.data.id}/apply`, { body: {} })).body.error).toBeUndefined()
}
/** The rows that the last call of an operation read, as billed. */
const lastRowsRead = async (db: TestDatabase, operation: string) => {
  const sql = `SELECT rows_read, rows_written FROM _persql_query_log WHERE operation = '${operation}' ORDER BY id DESC LIMIT 1`
  return (await db.query(sql)).body.data.rows[0]
}

describe('the schema in a comparison', () => {
  const TABLE = 'CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT, c TEXT)'

  test.each<[string, string[], string[], boolean[]]>([
    ['nothing', [], [], []],
    ['a new table', ['CREATE TABLE n (x)'], ['CREATE TABLE n (x)'], [false]],
    ['a new column', ['ALTER TABLE a ADD COLUMN d'], ['ALTER TABLE "a" ADD COLUMN d'], [false]],
    ['a new index', ['CREATE INDEX i ON a (b)'], ['CREATE INDEX i ON a (b)'], [false]],
    ['a new view', ['CREATE VIEW v AS SELECT b FROM a'], ['CREATE VIEW v AS SELECT b FROM a'], [false]],
    ['a dropped table', ['DROP TABLE a'], ['DROP TABLE "a"'], [true]],
  ])('has %s', async (_what, onBranch, statements, loses) => {
    const db = await fresh(TABLE, "INSERT INTO a VALUES (1, 'x', 'y')")
    await ran(await createBranch(platform, db), ...onBranch)
    const { data } = await diff(db)
    expect(data.migrations).toEqual(none)
    expect(data.schema.conflicts).toEqual([])
    expect(data.schema.statements.map(({ sql }: { sql: string }) => sql)).toEqual(statements)
    expect(data.schema.statements.map(({ losesData }: { losesData: boolean }) => losesData)).toEqual(loses)
    expect(data.rows).toBeUndefined()
    // It is what the merge runs.
    expect((await merge(db)).data.schema).toEqual(data.schema)
  })

  test('has the rebuild of a table, which can delete values', async () => {
    const db = await fresh(TABLE)
    await ran(await createBranch(platform, db), 'ALTER TABLE a DROP COLUMN c', 'ALTER TABLE a RENAME COLUMN b TO d')
    const { statements } = (await diff(db)).data.schema
    expect(statements.some(({ losesData }: { losesData: boolean }) => losesData)).toBe(true)
    // Without rows in the parent, the preview, which looks, says that nothing is lost.
    const preview = (await merge(db)).data.schema.statements
    const texts = (list: { sql: string }[]) => list.map(({ sql }) => sql)
    expect(texts(preview)).toEqual(texts(statements))
    expect(preview.some(({ losesData }: { losesData: boolean }) => losesData)).toBe(false)
    expect((await diff(db, '?rows=true')).data.schema.statements).toEqual(preview)
  })

  test('has conflicts, and leaves out what only the parent changed', async () => {
    const db = await fresh(TABLE, 'CREATE TABLE k (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    await ran(db, 'CREATE INDEX only_here ON a (c)', 'ALTER TABLE k ADD COLUMN x TEXT')
    expect((await diff(db)).data.schema).toEqual({ statements: [], conflicts: [] })
    await ran(branch, 'ALTER TABLE k ADD COLUMN x INTEGER')
    const { statements, conflicts } = (await diff(db)).data.schema
    expect([statements, conflicts.map(({ name }: { name: string }) => name)]).toEqual([[], ['k']])
  })

  test('is empty after the merge', async () => {
    const db = await fresh(TABLE)
    await ran(await createBranch(platform, db), 'ALTER TABLE a ADD COLUMN d')
    expect((await merge(db, { mode: 'schema' })).error).toBeUndefined()
    expect((await diff(db)).data).toEqual({ schema: { statements: [], conflicts: [] }, migrations: none })
  })

  test('reads and changes no rows, however many there are', async () => {
    const db = await fresh(
      'CREATE TABLE big (id INTEGER PRIMARY KEY, n INT, old TEXT)',
      'CREATE VIRTUAL TABLE search USING fts5(body)',
      'CREATE TABLE child (id INTEGER PRIMARY KEY, big REFERENCES big)',
      'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO big SELECT i, i, i FROM n',
      'INSERT INTO child SELECT id, id FROM big',
    )
    const branch = await createBranch(platform, db)
    await ran(
      branch,
      ...['ALTER TABLE big DROP COLUMN old', 'CREATE UNIQUE INDEX by_n ON big (n)', 'DROP TABLE search'],
      ...['ALTER TABLE child ADD COLUMN note', "INSERT INTO child VALUES (1, NULL, 'x')"],
    )
    const changes = (await db.request('/schema_changes')).body.data.length
    const { data } = await diff(db)
    expect(data.schema.statements.length).toBeGreaterThan(3)
    expect(await lastRowsRead(db, 'diff_branch')).toEqual([0, 0])
    const withRows = await diff(db, '?rows=true')
    expect(withRows.error).toBeUndefined()
    expect((await lastRowsRead(db, 'diff_branch'))[0]).toBeGreaterThan(5_000)
    expect((await db.request('/schema_changes')).body.data).toHaveLength(changes)
    expect((await db.query('SELECT count(*), max(old) FROM big')).body.data.rows).toEqual([[5000, '999']])
  })

  test('is the same in two concurrent comparisons', async () => {
    const db = await fresh(TABLE)
    for (const ref of ['one', 'two']) {
      const name = `t_${ref}`
      await ran(await createBranch(platform, db, ref), `CREATE TABLE ${name} (x)`)
    }
    const answers = await Promise.all(['one', 'two', 'one', 'two'].map((ref) => diff(db, '', ref)))
    const texts = answers.map(({ data }) => data.schema.statements.map(({ sql }: { sql: string }) => sql))
    expect(texts).toEqual(['one', 'two', 'one', 'two'].map((ref) => [`CREATE TABLE t_${ref} (x)`]))
  })
})

describe('the migrations in a comparison', () => {
  test('are those that one side has, and those that differ', async () => {
    const db = await fresh()
    await migrated(db, 'shared', 'CREATE TABLE a (id INTEGER PRIMARY KEY)')
    const branch = await createBranch(platform, db)
    expect((await diff(db)).data.migrations).toEqual(none)
    await migrated(branch, 'mine', 'ALTER TABLE a ADD COLUMN b')
    await migrated(branch, 'both', 'CREATE TABLE c (id)')
    await migrated(branch, 'other', 'CREATE TABLE d (id)')
    await branch.request('/migrations', { body: { name: 'draft', sql: 'SELECT 1' } })
    await migrated(db, 'theirs', 'CREATE TABLE e (id)')
    await migrated(db, 'both', 'CREATE TABLE c (id)')
    await migrated(db, 'other', 'CREATE TABLE f (id)')
    const migrations = { branch: ['mine'], parent: ['theirs'], diverged: ['other'] }
    expect((await diff(db)).data.migrations).toEqual(migrations)
    expect((await diff(db, '?rows=true')).data.migrations).toEqual(migrations)
  })
})

describe('a comparison', () => {
  test('has the rows on request', async () => {
    const db = await fresh('CREATE TABLE a (id INTEGER PRIMARY KEY, b)')
    await ran(await createBranch(platform, db), 'INSERT INTO a VALUES (7, 1)')
    expect((await diff(db)).data.rows).toBeUndefined()
    expect((await diff(db, '?rows=false')).data.rows).toBeUndefined()
    const { rows } = (await diff(db, '?rows=true')).data
    expect(rows.tables).toEqual([expect.objectContaining({ table: 'a', inserted: 1, conflicts: 0 })])
    expect((await db.query('SELECT count(*) FROM a')).body.data.rows).toEqual([[0]])
  })

  test.each([
    ['an unknown branch', 'none', '', 404, 'branch_not_found'],
    ['another value of rows', 'work', '?rows=some', 400, 'invalid_input'],
  ])('is refused for %s', async (_what, ref, query, status, code) => {
    const db = await fresh()
    await createBranch(platform, db)
    const answer = await db.request(`/branches/${ref}/diff${query}`)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  test('is closed to the tokens of the branch and to lower roles', async () => {
    const db = await fresh()
    const claimed = await db.request('/claim_branch', { body: { ref: 'work', role: 'admin' } })
    const body = { name: 'reader', role: 'readonly' }
    const reader = (await platform.request('/v1/tokens', { token, body })).body.data.token
    const path = `/v1/db/${ns}/${db.slug}/branches/work/diff`
    const codes = [claimed.body.data.token, reader].map(
      async (each) => (await platform.request(path, { token: each })).body.code,
    )
    expect(await Promise.all(codes)).toEqual(['token_pinned', 'role_insufficient'])
  })
})
