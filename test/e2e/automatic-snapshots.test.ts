import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const filled = () =>
  acme.make('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)', "INSERT INTO t (a) VALUES ('one'), ('two')")
const listed = async (db: Database) => (await db.request('/snapshots')).body.data
const rows = async (db: Database, sql: string) => (await db.query(sql)).body.data?.rows
const restore = (db: Database, snapshotId: string) => db.request('/restore', { body: { snapshotId } })

describe('a statement that loses rows without saying which', () => {
  test.each([
    ['DELETE FROM t', 'Before DELETE FROM t'],
    ['DROP  TABLE\n t', 'Before DROP TABLE t'],
    ['ALTER TABLE t ADD COLUMN b', undefined],
    ['ALTER TABLE u DROP COLUMN b', 'Before ALTER TABLE u DROP COLUMN b'],
    ["REPLACE INTO t VALUES (1, 'uno')", "Before REPLACE INTO t VALUES (1, 'uno')"],
    ['DELETE FROM t WHERE id = 1', undefined],
    ['UPDATE t SET a = id', undefined],
    ['DELETE FROM empty', undefined],
    ['DROP TABLE IF EXISTS nowhere', undefined],
  ])('%s', async (sql, label) => {
    const db = await filled()
    await db.query('CREATE TABLE empty (a)')
    await db.query('CREATE TABLE u (a, b)')
    const { status, body } = await db.query(sql)
    expect(status).toBe(200)
    const kept = await listed(db)
    if (label === undefined) {
      expect(body.meta).not.toHaveProperty('snapshot')
      expect(kept).toEqual([])
      return
    }
    expect(body.meta.snapshot).toEqual({ id: kept[0].id, label })
    expect(kept).toEqual([expect.objectContaining({ label, automatic: true, rows: 2 })])
    expect((await restore(db, kept[0].id)).status).toBe(200)
    expect(await rows(db, 'SELECT a FROM t ORDER BY id')).toEqual([['one'], ['two']])
  })

  test('runs once: what a batch did before it is neither lost nor repeated', async () => {
    for (const transaction of [true, false]) {
      const db = await filled()
      const statements = [
        { sql: "INSERT INTO t (a) VALUES ('three')" },
        { sql: 'CREATE TABLE log AS SELECT count(*) AS n FROM t' },
        { sql: 'DELETE FROM t' },
        { sql: "INSERT INTO t (a) VALUES ('new')" },
        { sql: 'DELETE FROM log' },
      ]
      const { body } = await db.request('/batch', { body: { statements, transaction } })
      expect(body.data).toHaveLength(5)
      expect(await listed(db)).toHaveLength(1)
      expect(await rows(db, 'SELECT a FROM t')).toEqual([['new']])
      await restore(db, body.meta.snapshot.id)
      expect(await rows(db, 'SELECT a FROM t')).toEqual([['one'], ['two']])
    }
  })

  test('is not run, and nothing is kept, when it is refused', async () => {
    const db = await filled()
    await db.query('CREATE TABLE child (t_id REFERENCES t DEFAULT 1)')
    const { body } = await platform.request('/v1/tokens', {
      token: acme.token,
      body: { name: 'writer', role: 'readwrite' },
    })
    const writer = platform.database('acme', db.slug, body.data.token)
    expect((await writer.query('DROP TABLE t')).status).toBe(403)
    expect((await db.request('/validate', { body: { sql: 'DELETE FROM t' } })).body.data.ok).toBe(true)
    expect((await db.query('EXPLAIN DELETE FROM t')).status).toBe(200)
    expect((await db.request('/propose', { body: { sql: 'DELETE FROM t' } })).status).toBe(200)
    expect(await listed(db)).toEqual([])
  })

  test('is kept for when it is proposed and applied, or part of a migration', async () => {
    const db = await filled()
    const { data } = (await db.request('/propose', { body: { sql: 'DELETE FROM t' } })).body
    const applied = await db.request('/apply', { body: { executionToken: data.executionToken } })
    expect(applied.body).toMatchObject({ data: { changes: 2 }, meta: { snapshot: { label: 'Before DELETE FROM t' } } })
    const again = await db.request('/apply', { body: { executionToken: data.executionToken } })
    expect(again.status).toBe(404)

    await db.query("INSERT INTO t (a) VALUES ('one')")
    const migration = { name: 'drop it', sql: 'CREATE TABLE u (a); DROP TABLE t;' }
    const { id } = (await db.request('/migrations', { body: migration })).body.data
    expect((await db.request(`/migrations/${id}/apply`, { body: {} })).status).toBe(200)
    expect((await listed(db)).map(({ label }: { label: string }) => label)).toEqual([
      'Before DROP TABLE t',
      'Before DELETE FROM t',
    ])
  })

  test('answers the same again under its idempotency key, and keeps nothing more', async () => {
    const db = await filled()
    const send = () => db.request('/query', { body: { sql: 'DELETE FROM t' }, headers: { 'Idempotency-Key': 'once' } })
    const first = await send()
    const second = await send()
    expect(first.body.meta.snapshot.id).toMatch(/^snap_/)
    expect(second.body).toEqual(first.body)
    expect(await listed(db)).toHaveLength(1)
  })

  test('loses nothing to a write beside it: each row is in the snapshot or still there', async () => {
    const db = await filled()
    await db.query('CREATE TABLE other (n)')
    await db.query(
      'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) INSERT INTO other SELECT -n FROM c',
    )
    const inserts = async () => {
      for (let n = 0; n < 30; n++) await db.query('INSERT INTO t (a) VALUES (?)', [`w${n}`])
    }
    const [deleted] = await Promise.all([db.query('DELETE FROM t'), inserts()])
    const left = await rows(db, 'SELECT a FROM t')
    await restore(db, deleted.body.meta.snapshot.id)
    const kept = await rows(db, "SELECT a FROM t WHERE a LIKE 'w%'")
    const names = [...left, ...kept].map(([name]: [string]) => name).sort()
    expect(names).toEqual(Array.from({ length: 30 }, (_, n) => `w${n}`).sort())
  })
})

test('a migration that comes while a copy is made waits for it', async () => {
  const db = await filled()
  await db.query('CREATE TABLE other (n)')
  await db.query(
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) INSERT INTO other SELECT -n FROM c',
  )
  const ids: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const { data } = (await db.request('/migrations', { body: { name, sql: `CREATE TABLE ${name} (x)` } })).body
    ids.push(data.id)
  }
  const [kept, ...applied] = await Promise.all([
    db.request('/snapshots', { body: { label: 'x' } }),
    ...ids.flatMap((id) => ['try', 'apply'].map((verb) => db.request(`/migrations/${id}/${verb}`, { body: {} }))),
  ])
  expect(kept.status).toBe(200)
  expect(applied.map(({ body }) => body.error ?? body.data.ok ?? body.data.status)).not.toContain(false)
  expect(applied.every(({ status }) => status === 200)).toBe(true)
})

test('rows that are replaced ask for a snapshot once a day', async () => {
  const db = await filled()
  const replace = () => db.query("INSERT OR REPLACE INTO t VALUES (1, 'uno')")
  expect((await replace()).body.meta.snapshot).toBeDefined()
  expect((await replace()).body.meta.snapshot).toBeUndefined()
  const setAhead = (aheadMs: number) =>
    platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  await setAhead(25 * 60 * 60 * 1000)
  expect((await replace()).body.meta.snapshot).toBeDefined()
  await setAhead(0)
})

test('it can be switched off for a database, by an admin', async () => {
  const db = await filled()
  expect((await db.request('/settings')).body.data).toEqual({ automaticSnapshots: true })
  const off = await db.request('/settings', { method: 'PATCH', body: { automaticSnapshots: false } })
  expect(off.body.data).toEqual({ automaticSnapshots: false })
  expect((await db.query('DELETE FROM t')).body.meta).not.toHaveProperty('snapshot')
  expect(await listed(db)).toEqual([])
  expect((await db.request('/settings', { method: 'PATCH', body: { automatic: true } })).status).toBe(400)
})

test('the response reports that a database is too large or can not be copied', async () => {
  const large = await filled()
  await large.query('CREATE TABLE big (b)')
  for (let i = 0; i < 20; i++) await large.query('INSERT INTO big VALUES (randomblob(1800000))')
  expect((await large.query('DELETE FROM t')).body.meta).toMatchObject({ snapshotSkipped: 'too_large' })
  const odd = await filled()
  await odd.query("CREATE VIRTUAL TABLE f USING fts5 (a, content='')")
  await odd.query("INSERT INTO f (rowid, a) VALUES (1, 'x')")
  expect((await odd.query('DELETE FROM t')).body.meta).toMatchObject({ snapshotSkipped: 'copy_impossible' })
  expect(await rows(odd, 'SELECT count(*) FROM t')).toEqual([[0]])
})

test('it costs what the statement costs', async () => {
  const db = await filled()
  const { meta } = (await db.query('DELETE FROM t')).body
  expect(meta.rowsRead).toBeLessThanOrEqual(4)
  const { body } = await platform.request('/v1/usage', { token: acme.token })
  expect(body.success).toBe(true)
})
