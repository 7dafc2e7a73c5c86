import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let db: ReturnType<TestPlatform['database']>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

async function fresh() {
  db = await acme.make()
  return db
}
const changes = async (query = '') => (await db.request(`/schema_changes${query}`)).body.data
const sqls = async () => (await changes()).map(({ sql }: { sql: string }) => sql)
/** Kind and objects of the change that was last, short: `table t added`. */
async function last() {
  const [{ kind, objects }] = await changes('?limit=1')
  const short = ({ type, name, change, from }: Record<string, string>) =>
    `${type} ${name} ${change}${from ? ` ${from}` : ''}`
  return [kind, ...objects.map(short).sort()]
}

test('every door is recorded: query, batch of both kinds, and a migration, with who it was', async () => {
  await fresh()
  await db.query('/* why */ CREATE TABLE a (n); -- done')
  await db.batch([{ sql: 'CREATE TABLE b (n)' }, { sql: 'INSERT INTO b VALUES (1)' }])
  await db.batch([{ sql: 'CREATE TABLE c (n)' }, { sql: 'CREATE TABLE d (n)' }], { transaction: true })
  const { body } = await db.request('/migrations', {
    body: { name: 'm', sql: 'CREATE TABLE e (n); INSERT INTO e VALUES (1); DROP TABLE d' },
  })
  await db.request(`/migrations/${body.data.id}/apply`, { body: {} })
  const actor = `token:${acme.tokenId}`
  const all = await changes()
  expect(all[0]).toEqual({
    id: 6,
    at: expect.stringMatching(/Z$/),
    actor,
    sql: 'DROP TABLE d',
    kind: 'drop',
    objects: [{ type: 'table', name: 'd', change: 'removed' }],
    migrationId: body.data.id,
  })
  expect(all.map((each: Record<string, unknown>) => [each.id, each.sql, each.migrationId, each.actor])).toEqual([
    [6, 'DROP TABLE d', body.data.id, actor],
    [5, 'CREATE TABLE e (n)', body.data.id, actor],
    [4, 'CREATE TABLE d (n)', null, actor],
    [3, 'CREATE TABLE c (n)', null, actor],
    [2, 'CREATE TABLE b (n)', null, actor],
    [1, 'CREATE TABLE a (n)', null, actor],
  ])
  await db.query('DROP TABLE e')
  expect((await changes())[0]).toMatchObject({ id: 7, migrationId: null })
})

test('a member is recorded as one, and reads the record as a viewer may', async () => {
  const owner = await platform.signUp('ada@example.com')
  const base = '/api/namespaces/ada/databases/main'
  await owner.request(`${base}/query`, { body: { sql: 'CREATE TABLE t (n)' } })
  const { body } = await owner.request(`${base}/schema_changes`)
  expect(body.data).toMatchObject([{ actor: `user:${owner.userId}`, sql: 'CREATE TABLE t (n)' }])
})

test('what failed, was rolled back, or changed nothing is not recorded', async () => {
  await fresh()
  await db.query('CREATE TABLE t (n UNIQUE)')
  const before = await changes()
  expect(before).toHaveLength(1)
  const failing = { sql: 'INSERT INTO t VALUES (1), (1)' }
  await db.query('CREATE TABLE t (n)')
  await db.query('CREATE TABLE IF NOT EXISTS t (n)')
  await db.query('DROP TABLE IF EXISTS nothing')
  await db.query('CREATE TABLE _persql_x (n)')
  await db.query('CREATE TABLE x (n REFERENCES _persql_query_log(id))')
  await db.batch([{ sql: 'CREATE TABLE u (n)' }, failing], { transaction: true })
  await db.request('/batch', {
    body: { transaction: true, statements: [{ sql: 'CREATE TABLE u (n)', expect: { rows: 1 } }] },
  })
  await db.request('/batch', { body: { statements: [{ sql: 'CREATE TABLE u (n)', expect: { rows: 1 } }] } })
  await db.query('EXPLAIN CREATE TABLE u (n)')
  await db.request('/validate', { body: { sql: 'CREATE TABLE u (n)' } })
  await db.request('/explain', { body: { sql: 'CREATE TABLE u (n)' } })
  const { body } = await db.request('/migrations', { body: { name: 'm', sql: `CREATE TABLE u (n); ${failing.sql}` } })
  await db.request(`/migrations/${body.data.id}/try`, { body: {} })
  await db.request(`/migrations/${body.data.id}/apply`, { body: {} })
  await db.query('ANALYZE')
  await db.query('REINDEX')
  await db.query('PRAGMA optimize')
  await db.query('INSERT INTO t VALUES (1)')
  expect(await changes()).toEqual(before)

  // Without a transaction, what ran before the failure stays.
  await db.batch([{ sql: 'CREATE TABLE u (n)' }, failing])
  expect(await sqls()).toEqual(['CREATE TABLE u (n)', 'CREATE TABLE t (n UNIQUE)'])
})

test('objects are those that differ, not those that the text names', async () => {
  await fresh()
  await db.query('CREATE TABLE t (a, b UNIQUE)')
  expect(await last()).toEqual(['create', 'table t added'])
  await db.query('CREATE TABLE gone (n INTEGER PRIMARY KEY AUTOINCREMENT)')
  await db.query('CREATE INDEX i ON t (a)')
  await db.query('CREATE VIEW v AS SELECT a FROM t')
  await db.query('CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM gone; SELECT new.a; END')
  expect(await last()).toEqual(['create', 'trigger tr added'])
  await db.query('ALTER TABLE t ADD COLUMN c')
  expect(await last()).toEqual(['alter', 'table t changed'])
  await db.query('ALTER TABLE t RENAME COLUMN a TO "a;2"')
  expect(await last()).toEqual(['alter', 'index i changed', 'table t changed', 'trigger tr changed', 'view v changed'])
  await db.query('DROP TABLE gone')
  expect(await last()).toEqual(['drop', 'table gone removed'])
  await db.query('DROP TRIGGER tr')
  await db.query('ALTER TABLE t RENAME TO "ü b"')
  expect(await last()).toEqual(['alter', 'index i changed', 'table ü b renamed t', 'view v changed'])
  await db.query('DROP TABLE "ü b"')
  expect(await last()).toEqual(['drop', 'index i removed', 'table ü b removed'])
  await db.query('CREATE TABLE copy AS SELECT 1 AS n')
  expect(await last()).toEqual(['create', 'table copy added'])
})

test('the record is read in pages, and long statements are cut', async () => {
  await fresh()
  const long = `CREATE VIEW v AS SELECT '${'🙂'.repeat(1_500)}' AS x`
  await db.query(long)
  const [{ sql }] = await changes()
  expect([sql.length <= 2_000, long.startsWith(sql), sql.isWellFormed()]).toEqual([true, true, true])
  await db.batch(Array.from({ length: 6 }, (_, i) => ({ sql: `CREATE TABLE t${i} (n)` })))
  const ids = async (query: string) => (await changes(query)).map(({ id }: { id: number }) => id)
  expect(await ids('?limit=3')).toEqual([7, 6, 5])
  expect(await ids('?limit=3&before=5')).toEqual([4, 3, 2])
  expect(await ids('?before=1')).toEqual([])
  expect((await db.request('/schema_changes?limit=501')).body.code).toBe('invalid_input')
})

test('the newest 1,000 are kept', async () => {
  await fresh()
  const pair = [{ sql: 'CREATE VIEW v AS SELECT 1' }, { sql: 'DROP VIEW v' }]
  for (let i = 0; i < 11; i++) await db.batch(Array.from({ length: 50 }, () => pair).flat(), { transaction: true })
  expect((await changes('?limit=2')).map(({ id }: { id: number }) => id)).toEqual([1_100, 1_099])
  const older = await changes('?limit=500&before=601')
  expect([older.length, older.at(-1).id]).toEqual([500, 101])
  expect(await changes('?limit=500&before=101')).toEqual([])
})

test('a restart loses nothing, and a recreated database has an empty log', async () => {
  const { slug } = await fresh()
  await db.query('CREATE TABLE t (n)')
  await platform.kill()
  await platform.restart()
  expect(await sqls()).toEqual(['CREATE TABLE t (n)'])
  await platform.request(`/v1/databases/${slug}`, { token: acme.token, method: 'DELETE' })
  await platform.request('/v1/databases', { token: acme.token, body: { slug } })
  expect(await changes()).toEqual([])
})

test('a token with a table scope is rejected, because the log names all tables', async () => {
  const { slug } = await fresh()
  const request = { name: 'x', role: 'readonly', tableScope: ['t'] }
  const { body } = await platform.request('/v1/tokens', { token: acme.token, body: request })
  const answer = await platform.database('acme', slug, body.data.token).request('/schema_changes')
  expect([answer.status, answer.body.code]).toEqual([403, 'not_for_scoped_token'])
})
