import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const MB = 1024 * 1024
const ROOM = { freeBytes: 5_000 * MB, reserveBytes: 1_000 * MB }
const LOW = { freeBytes: 999 * MB, reserveBytes: 1_000 * MB }
const FULL = { freeBytes: 99 * MB, reserveBytes: 1_000 * MB }

let platform: TestPlatform
let ns: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  platform = await startPlatform({ failures: ['storage_full'] })
  ns = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())
beforeEach(() => setDisk(ROOM))

/** Reports a measurement, as the launcher does every second. */
async function setDisk(space: unknown, token: string | undefined = platform.secret) {
  return platform.request('/api/launcher/disk', { body: space, ...(token && { token }) })
}
const health = async () => (await platform.request('/healthz')).body
const metric = async (name: string): Promise<number> => {
  const { body } = await platform.request('/metrics', { token: platform.secret })
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? 0)
}
const toCode = ({ status, body }: { status: number; body: { code?: string } }) =>
  status === 200 ? 'ok' : `${status} ${body.code}`
const refused = '507 storage_full'

test('only the launcher reports the disk, and the health check and the metrics show it', async () => {
  expect((await setDisk(LOW, '')).status).toBe(401)
  expect((await setDisk(LOW, ns.token)).status).toBe(401)
  for (const wrong of [
    {},
    { freeBytes: -1, reserveBytes: 1 },
    { ...LOW, more: 1 },
    { freeBytes: '9', reserveBytes: 1 },
  ]) {
    expect(toCode(await setDisk(wrong))).toBe('400 invalid_input')
  }
  expect(await health()).toEqual({ ok: true, disk: 'ok' })
  await setDisk(LOW)
  expect(await health()).toEqual({ ok: true, disk: 'low' })
  expect(await metric('persql_disk_free_bytes')).toBe(LOW.freeBytes)
  expect(await metric('persql_disk_reserve_bytes')).toBe(LOW.reserveBytes)
  await setDisk(FULL)
  expect(await health()).toEqual({ ok: true, disk: 'full' })
  // A reserve of 0 refuses nothing.
  await setDisk({ freeBytes: 0, reserveBytes: 0 })
  expect(await health()).toEqual({ ok: true, disk: 'ok' })
  const log = await platform.readRequestLog()
  expect(log.filter((line) => line.includes('/api/launcher/disk') && line.includes('"status":200'))).toEqual([])
})

const TABLES = [
  'CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)',
  "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
  'CREATE TABLE spare (n)',
  'INSERT INTO spare VALUES (1)',
  'CREATE TABLE logged (n)',
  'INSERT INTO logged VALUES (1)',
  'CREATE TRIGGER on_delete AFTER DELETE ON logged BEGIN INSERT INTO spare VALUES (zeroblob(1000)); END',
  'CREATE TABLE cleaned (n)',
  'INSERT INTO cleaned VALUES (1)',
  'CREATE TRIGGER cleans AFTER DELETE ON cleaned BEGIN DELETE FROM spare WHERE n = old.n; END',
  'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
  'INSERT INTO parent VALUES (1), (2)',
  'CREATE TABLE child (p REFERENCES parent ON DELETE CASCADE)',
  'CREATE TABLE friend (p REFERENCES parent ON DELETE SET NULL)',
  'INSERT INTO child VALUES (1)',
  'INSERT INTO friend VALUES (2)',
  'CREATE TABLE base (id INTEGER PRIMARY KEY)',
  'INSERT INTO base VALUES (1), (2)',
  'CREATE TABLE derived (b DEFAULT 2 REFERENCES base ON DELETE SET DEFAULT, s TEXT)',
  "INSERT INTO derived VALUES (1, 'x')",
]

test.each([
  ['SELECT count(*) FROM t', 'ok', 'ok'],
  ['EXPLAIN INSERT INTO t VALUES (9, 1)', 'ok', 'ok'],
  ['PRAGMA table_info(t)', 'ok', 'ok'],
  ["INSERT INTO t VALUES (9, 'z')", refused, refused],
  ["UPDATE t SET s = 'z' WHERE n = 1", refused, refused],
  ["REPLACE INTO t VALUES (1, 'z')", refused, refused],
  ['CREATE TABLE more (n)', refused, refused],
  ['CREATE INDEX t_s ON t (s)', refused, refused],
  ['ALTER TABLE t ADD COLUMN x', refused, refused],
  ['ALTER TABLE t DROP COLUMN s', refused, refused],
  ['REINDEX', refused, refused],
  ['DELETE FROM t WHERE n = 1', 'ok', refused],
  ['WITH x AS (SELECT 2 AS n) DELETE FROM t WHERE n IN (SELECT n FROM x)', 'ok', refused],
  ['DELETE FROM t', 'ok', refused],
  ['DELETE FROM cleaned', 'ok', refused],
  // Its trigger stores rows.
  ['DELETE FROM logged', refused, refused],
  ['DELETE FROM parent WHERE id = 1', 'ok', refused],
  ['DELETE FROM parent WHERE id = 2', 'ok', refused],
  // A default can have any length.
  ['DELETE FROM base WHERE id = 1', refused, refused],
  ['DROP TABLE spare', 'ok', refused],
  ['DROP TRIGGER cleans', 'ok', refused],
])('with little room and with almost none: %s', async (sql, low, full) => {
  const db = await ns.make(...TABLES)
  await setDisk(FULL)
  expect(toCode(await db.query(sql)), 'almost none').toBe(full)
  await setDisk(LOW)
  expect(toCode(await db.query(sql)), 'little').toBe(low)
  await setDisk(ROOM)
  if (low === refused) expect(toCode(await db.query(sql)), 'room').toBe('ok')
  await platform.request(`/v1/databases/${db.slug}`, { method: 'DELETE', token: ns.token })
})

test('a refused write has no effect, costs nothing, and its key stays unused', async () => {
  const db = await ns.make(...TABLES)
  await setDisk(LOW)
  const usage = async () =>
    (await platform.request('/v1/usage', { token: ns.token })).body.data.databases.find(
      ({ slug }: { slug: string }) => slug === db.slug,
    )
  const before = await usage()
  const refusals = await metric('persql_storage_refusals_total')
  const key = { 'Idempotency-Key': 'once' }
  const insert = () => db.query("INSERT INTO t VALUES (9, 'z')", [], key)
  expect(toCode(await insert())).toBe(refused)
  const batch = [{ sql: 'DELETE FROM t' }, { sql: "INSERT INTO t VALUES (8, 'y')" }]
  expect(toCode(await db.batch(batch, { transaction: true }))).toBe(refused)
  expect(await usage()).toEqual(before)
  expect(await metric('persql_storage_refusals_total')).toBeGreaterThanOrEqual(refusals + 2)
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[3]])
  await setDisk(ROOM)
  expect(toCode(await insert())).toBe('ok')
  const replayed = await insert()
  expect([toCode(replayed), replayed.headers.get('idempotency-replayed')]).toEqual(['ok', 'true'])
})

test('reads are billed and logged, and their responses are not kept', async () => {
  const db = await ns.make('CREATE TABLE t (n)', 'INSERT INTO t VALUES (1), (2)')
  await setDisk(FULL)
  const read = () => db.query('SELECT n FROM t', [], { 'Idempotency-Key': 'read' })
  expect(toCode(await read())).toBe('ok')
  expect((await read()).headers.get('idempotency-replayed')).toBeNull()
  await setDisk(ROOM)
  const log = "SELECT count(*), sum(rows_read) FROM _persql_query_log WHERE sql = 'SELECT n FROM t'"
  expect((await db.query(log)).body.data.rows).toEqual([[2, 4]])
})

test('tenants can make room, and nothing else is stored', async () => {
  const db = await ns.make('CREATE TABLE t (n)', 'INSERT INTO t VALUES (1), (2)')
  const snapshot = (await db.request('/snapshots', { body: { label: 'a' } })).body.data.id
  const spec = {
    slug: 'add',
    name: 'Add',
    method: 'POST',
    kind: 'mutation',
    sql: 'INSERT INTO t VALUES (?)',
    input: [{ name: 'n', type: 'integer', required: true }],
    output: 'rows_written',
  }
  expect(toCode(await db.request('/endpoints', { body: spec }))).toBe('ok')
  expect(toCode(await db.request('/endpoints/add/publish', { body: {} }))).toBe('ok')
  const user = await platform.signUp('user@example.com')
  const { slug: own } = (await user.request('/api/namespaces')).body.data[0]
  await setDisk(LOW)
  const call = (path: string, body?: unknown, method?: string) =>
    platform.request(path, { token: ns.token, body, ...(method && { method }) })
  const stores: [string, unknown][] = [
    ['/v1/databases', { slug: 'more' }],
    [`${db.path}/fork`, { slug: 'forked' }],
    [`${db.path}/claim_branch`, { ref: 'x' }],
    [`${db.path}/snapshots`, { label: 'b' }],
    [`${db.path}/restore`, { snapshot }],
    [`${db.path}/import?format=sql`, 'INSERT INTO t VALUES (1);'],
    [`${db.path}/saved-queries`, { name: 'q', sql: 'SELECT 1' }],
    [`${db.path}/migrations`, { name: 'm', sql: 'CREATE TABLE m (n)' }],
    ['/v1/tokens', { name: 'more' }],
  ]
  for (const [path, body] of stores) expect(toCode(await call(path, body)), path).toBe(refused)
  // The first call of an admin would create it.
  expect(toCode(await ns.db('new').query('SELECT 1'))).toBe(refused)
  expect(toCode(await platform.request(`/p/acme/${db.slug}/add`, { body: { n: 1 } }))).toBe(refused)
  const body = { email: 'late@example.com', password: 'correct horse battery', name: 'late' }
  expect(toCode(await platform.request('/api/auth/sign-up/email', { body }))).toBe(refused)
  expect((await platform.request('/api/auth/sign-in/email', { body: { ...body, email: user.email } })).status).toBe(200)
  for (const format of ['sql', 'sqlite', 'csv&table=t']) {
    expect((await call(`${db.path}/export?format=${format}`)).status, format).toBe(200)
  }
  const emptied = await db.query('DELETE FROM t')
  expect([toCode(emptied), emptied.body.meta.snapshotSkipped]).toEqual(['ok', 'storage_full'])
  expect(toCode(await call(`${db.path}/snapshots/${snapshot}`, undefined, 'DELETE'))).toBe('ok')
  await setDisk(FULL)
  expect(toCode(await call(`${db.path}/export?format=sql`))).toBe(refused)
  expect(toCode(await call(`/v1/databases/${db.slug}`, undefined, 'DELETE'))).toBe('ok')
  expect(toCode(await user.request(`/api/namespaces/${own}`, { method: 'DELETE' }))).toBe('ok')
  await setDisk(ROOM)
  expect(toCode(await call('/v1/databases', { slug: 'more' }))).toBe('ok')
})

test('an export whose copy would not fit is refused', async () => {
  const db = await ns.make('CREATE TABLE t (b)', 'INSERT INTO t VALUES (zeroblob(2000000))')
  await setDisk({ freeBytes: 103 * MB, reserveBytes: 1_000 * MB })
  expect(toCode(await db.request('/export?format=sql'))).toBe(refused)
  await setDisk({ freeBytes: 120 * MB, reserveBytes: 1_000 * MB })
  expect((await db.request('/export?format=sql')).status).toBe(200)
})
