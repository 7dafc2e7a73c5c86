import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const snapshot = async (db: Database, label = 'mine') => (await db.request('/snapshots', { body: { label } })).body
const listed = async (db: Database) => (await db.request('/snapshots')).body.data
const restore = (db: Database, body: object) => db.request('/restore', { body })
const rows = async (db: Database, sql: string) => (await db.query(sql)).body.data?.rows
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })

test('copies a database whose last AUTOINCREMENT table was dropped', async () => {
  const db = await acme.make(
    'CREATE TABLE gone (n INTEGER PRIMARY KEY AUTOINCREMENT)',
    'INSERT INTO gone DEFAULT VALUES',
  )
  await db.query('DROP TABLE gone')
  await db.query("CREATE TABLE t (autoincrements TEXT DEFAULT 'AUTOINCREMENT' /* AUTOINCREMENT */)")
  const { data } = await snapshot(db)
  expect((await restore(db, { snapshotId: data.id })).status).toBe(200)
  const tables = (await db.request('/tables')).body.data
  expect(tables).toEqual([{ name: 't', rowCount: 0 }])
})

test('rows whose values are too long together to be written as one text are copied and exported', async () => {
  const db = await acme.make(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c)',
    "INSERT INTO t VALUES (1, 'before', NULL, 1), (3, 'after', NULL, 3)",
    "INSERT INTO t VALUES (2, replace(hex(zeroblob(1000000)), '00', '''?'), randomblob(3500000), 'it''s ?')",
  )
  const sums = () =>
    rows(db, 'SELECT id, length(a), substr(a, 1, 4), length(b), hex(substr(b, -20)), c FROM t ORDER BY id')
  const before = await sums()
  const { data } = await snapshot(db)
  await db.query('UPDATE t SET a = NULL, b = NULL, c = NULL')
  expect((await restore(db, { snapshotId: data.id })).status).toBe(200)
  expect(await sums()).toEqual(before)
  const { body } = await db.request('/export')
  const lines = (body as string).split('\n').filter((line) => line.startsWith('INSERT'))
  expect(lines).toHaveLength(3)
  expect(lines[1]?.length).toBeGreaterThan(9_000_000)
  expect(lines[1]).toMatch(/,'it''s \?'\);$/)
})

test('a snapshot brings back rows and schema, and a restore can be undone', async () => {
  const db = await acme.make(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)',
    "INSERT INTO t (a) VALUES ('one'), ('two')",
  )
  const { data } = await snapshot(db, 'two rows')
  expect(data).toEqual({
    id: expect.stringMatching(/^snap_/),
    label: 'two rows',
    createdAt: expect.any(String),
    automatic: false,
    rows: 2,
  })
  await db.query('ALTER TABLE t ADD COLUMN b')
  await db.query("INSERT INTO t (a, b) VALUES ('three', 3)")
  await db.query('CREATE VIEW v AS SELECT b FROM t')

  const { body } = await restore(db, { snapshotId: data.id })
  expect(body.data.restored).toEqual(data)
  expect(body.data.before).toMatchObject({ automatic: true, rows: 3, label: 'Before restoring "two rows"' })
  expect(await rows(db, 'SELECT * FROM t')).toEqual([
    [1, 'one'],
    [2, 'two'],
  ])
  expect((await db.query('SELECT * FROM v')).status).toBe(400)
  expect((await db.query("INSERT INTO t (a) VALUES ('one')")).body.errorDetail.kind).toBe('unique_violation')
  expect((await listed(db)).map(({ id }: { id: string }) => id)).toEqual([body.data.before.id, data.id])

  await restore(db, { snapshotId: body.data.before.id })
  expect(await rows(db, 'SELECT * FROM v')).toEqual([[null], [null], [3]])
})

test('the newest snapshot that is not newer than a moment is found', async () => {
  const db = await acme.make('CREATE TABLE t (n)')
  const moments: number[] = []
  for (let n = 0; n < 3; n++) {
    await db.query('INSERT INTO t VALUES (?)', [n])
    const { data } = await snapshot(db, `n ${n}`)
    moments.push(Date.parse(data.createdAt))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const { body } = await restore(db, { timestamp: moments[1] })
  expect(body.data.restored.label).toBe('n 1')
  expect(await rows(db, 'SELECT count(*) FROM t')).toEqual([[2]])
  expect((await restore(db, { timestamp: (moments[0] as number) - 1 })).body.code).toBe('snapshot_not_found')
  expect((await restore(db, { bookmark: body.data.before.id })).status).toBe(200)
  expect(await rows(db, 'SELECT count(*) FROM t')).toEqual([[3]])
})

test.each([
  {},
  { snapshotId: 'a', timestamp: 1 },
  { snapshotId: 'a', bookmark: 'b' },
  { timestamp: -1 },
  { timestamp: '2026' },
])('restore asks for exactly one: %j', async (body) => {
  expect((await restore(await acme.make(), body)).body.code).toBe('invalid_input')
})

test('labels are checked, and what is not there is not found', async () => {
  const db = await acme.make()
  for (const label of ['', ' ', 'x'.repeat(81), undefined]) {
    expect((await db.request('/snapshots', { body: { label } })).body.code).toBe('invalid_input')
  }
  expect((await restore(db, { snapshotId: 'snap_x' })).body.code).toBe('snapshot_not_found')
  expect((await db.request('/snapshots/snap_x', { method: 'DELETE' })).body.code).toBe('snapshot_not_found')
  const { data } = await snapshot(db)
  expect((await db.request(`/snapshots/${data.id}`, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  expect(await listed(db)).toEqual([])
  expect((await restore(db, { snapshotId: data.id })).body.code).toBe('snapshot_not_found')
})

test('endpoints, docs and the query log are of the database, not of its rows: a restore leaves them', async () => {
  const db = await acme.make()
  const endpoints = await createEndpoints(platform, { ...acme, db: () => db } as never, db.slug)
  const { data } = await snapshot(db)
  await endpoints.publish(specs.list)
  await db.query('DELETE FROM notes')
  expect((await endpoints.call('list-notes?author=ada')).body.data.rows).toEqual([])
  await restore(db, { snapshotId: data.id })
  expect((await endpoints.call('list-notes?author=ada')).body.data.rows).toEqual([[1, 'first']])
  expect(await rows(db, "SELECT count(*) FROM _persql_query_log WHERE sql = 'DELETE FROM notes'")).toEqual([[1]])
})

test('calls that come during a restore wait, and find all of it', async () => {
  const db = await acme.make('CREATE TABLE t (n)')
  const fill =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i FROM n'
  await db.query(fill)
  const { data } = await snapshot(db)
  await db.query('DELETE FROM t')
  let restored = false
  const restoring = restore(db, { snapshotId: data.id }).finally(() => {
    restored = true
  })
  const seen = new Set<number>()
  while (!restored) {
    seen.add((await rows(db, 'SELECT count(*) FROM t'))[0][0])
    await db.query('SELECT 1')
  }
  expect((await restoring).status).toBe(200)
  for (const count of seen) expect([0, 100_000]).toContain(count)
  const billed = (await platform.request('/v1/usage', { token: acme.token })).status
  expect(billed).toBe(200)
})

test('a crash in the middle of a restore leaves what was before, or what was restored', async () => {
  const db = await acme.make('CREATE TABLE t (n)', 'CREATE TABLE gone (n)')
  await db.query(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) INSERT INTO t SELECT i FROM n',
  )
  const { data } = await snapshot(db)
  const counts = new Set<number>()
  for (let round = 0; round < 8; round++) {
    await db.query('DELETE FROM t WHERE n > 75000')
    const restoring = restore(db, { snapshotId: data.id }).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 15 + round * 45))
    await platform.kill()
    await restoring
    await platform.restart()
    const [[count]] = await rows(db, 'SELECT count(*) FROM t')
    expect([75_000, 150_000]).toContain(count)
    expect(await rows(db, 'SELECT count(*) FROM gone')).toEqual([[0]])
    counts.add(count)
    await restore(db, { snapshotId: data.id })
    expect(await rows(db, 'SELECT count(*) FROM t')).toEqual([[150_000]])
  }
  expect(counts.size).toBeGreaterThan(0)
})

test('what a crash leaves of a snapshot is wiped, and a deleted database leaves none', async () => {
  const db = await acme.make('CREATE TABLE t (n)')
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) INSERT INTO t SELECT printf('%0100d', i) FROM n",
  )
  const bytes = async () => {
    const folder = join(platform.data, 'objects', 'database')
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size))
    return sizes.filter((size) => size > 1_000_000).length
  }
  const before = await bytes()
  for (let round = 0; round < 3; round++) {
    const making = snapshot(db).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 60 + round * 60))
    await platform.kill()
    await making
    await platform.restart()
    expect(await rows(db, 'SELECT count(*) FROM t')).toEqual([[150_000]])
  }
  await snapshot(db, 'whole')
  await platform.request(`/v1/databases/${db.slug}`, { token: acme.token, method: 'DELETE' })
  await expect.poll(bytes).toBeLessThan(before)
})

describe('snapshots made by themselves', () => {
  test('go after 30 days, those that people made stay', async () => {
    const db = await acme.make('CREATE TABLE t (n)')
    const { data } = await snapshot(db)
    await restore(db, { snapshotId: data.id })
    expect(await listed(db)).toHaveLength(2)
    await setAhead(31 * 86_400_000)
    await expect.poll(async () => (await listed(db)).length).toBe(1)
    expect((await listed(db))[0].id).toBe(data.id)
    await setAhead(0)
  })

  test('are ten at most, and the one that is wanted is none of those that go', async () => {
    const db = await acme.make('CREATE TABLE t (n)')
    let last = (await snapshot(db)).data.id
    const first = (await restore(db, { snapshotId: last })).body.data.before.id
    for (let i = 0; i < 11; i++) last = (await restore(db, { snapshotId: first })).body.data.before.id
    const automatic = (await listed(db)).filter((each: { automatic: boolean }) => each.automatic)
    expect(automatic.length).toBeLessThanOrEqual(11)
    expect(automatic.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([first, last]))
  })
})

test('the next owner of a branch cannot restore the rows of the previous one', async () => {
  const db = await acme.make('CREATE TABLE t (n)')
  const claim = async () => (await db.request('/claim_branch', { body: { ref: 'shared', role: 'admin' } })).body.data
  const first = await claim()
  const mine = platform.database('acme', first.databaseSlug, first.token)
  await mine.query("INSERT INTO t VALUES ('secret')")
  const { data } = await snapshot(mine)
  const second = await claim()
  const theirs = platform.database('acme', second.databaseSlug, second.token)
  expect(await listed(theirs)).toEqual([])
  expect((await restore(theirs, { snapshotId: data.id })).body.code).toBe('snapshot_not_found')
})
