import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

const HOUR_MS = 60 * 60 * 1000

/** Returns a database in the list. */
async function listed(token: string, slug = 'main') {
  const { body } = await platform.request('/v1/databases', { token })
  // biome-ignore lint/suspicious/noExplicitAny: a black-box test inspects any response
  return body.data.find((database: any) => database.slug === slug)
}

/** Waits until the list has this number of rows for a database. */
async function listedWith(rows: number, token: string, slug = 'main') {
  for (;;) {
    const database = await listed(token, slug)
    if (database.rows === rows) return database
    await sleep(200)
  }
}

const fill = (count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO t (x) SELECT 'row ' || i FROM n`

test('a database that was never used is empty, and that is known', async () => {
  const { token } = await platform.createNamespace('never')
  expect(await listed(token)).toMatchObject({ storedBytes: 0, rows: 0, rowsAreEstimated: false, lastUsedAt: null })
})

test('the list shows the size after writes with its time, also after a restart', async () => {
  const { token, db } = await platform.createNamespace('tells')
  const beganMs = Date.now()
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  expect((await db().query(fill(2_000))).body.success).toBe(true)
  const database = await listedWith(2_000, token)
  expect(database).toMatchObject({ rows: 2_000, rowsAreEstimated: false })
  expect(database.storedBytes).toBeGreaterThan(20_000)
  expect(database.storedBytes % 4_096).toBe(0)
  for (const moment of [database.measuredAt, database.lastUsedAt]) {
    expect(Date.parse(moment)).toBeGreaterThanOrEqual(beganMs)
    expect(Date.parse(moment)).toBeLessThan(beganMs + HOUR_MS)
  }
  await platform.restart()
  expect(await listed(token)).toEqual(database)
  const one = await platform.request('/v1/databases/main', { token })
  expect(one.body.data).toEqual(database)
})

test('the list shows rows that were written just before a crash, after the next call', async () => {
  const { token, db } = await platform.createNamespace('crashes')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  expect((await db().query(fill(300))).status).toBe(200)
  await platform.kill()
  await platform.restart()
  expect((await db().query('SELECT 1')).status).toBe(200)
  expect(await listedWith(300, token)).toMatchObject({ rowsAreEstimated: false })
})

// The size of a database is reported some seconds after its last write. These tests wait for that at the same time.
test.concurrent('what was deleted is gone from the list too, and looking makes no request of the database', async () => {
  const { token, db } = await platform.createNamespace('deletes')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  await db().query(fill(500))
  await listedWith(500, token)
  await db().query('DELETE FROM t WHERE id > 20')
  expect(await listedWith(20, token)).toMatchObject({ storedBytes: 0 })
  const { body } = await platform.request('/v1/usage', { token })
  expect(body.data.databases).toMatchObject([{ slug: 'main', requests: 3 }])
})

test.concurrent('a fork knows how large it is from the start', async () => {
  const { token, db } = await platform.createNamespace('forks')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  await db().query(fill(300))
  const fork = await db().request('/fork', { body: { slug: 'copy' } })
  expect(fork.body.data).toMatchObject({ slug: 'copy', rows: 300 })
  expect(await listed(token, 'copy')).toMatchObject({ rows: 300, rowsAreEstimated: false })
})

test.concurrent('a restore, which replaces all rows, updates the size', async () => {
  const { token, db } = await platform.createNamespace('restores')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  await db().query(fill(50))
  const snapshot = await db().request('/snapshots', { body: { label: 'fifty' } })
  await db().query(fill(25))
  await listedWith(75, token)
  expect((await db().request('/restore', { body: { snapshotId: snapshot.body.data.id } })).body.success).toBe(true)
  await listedWith(50, token)
})

test.concurrent('tables with rows of their own kind are counted as the list of tables counts them', async () => {
  const { token, db } = await platform.createNamespace('kinds')
  const made = await db().batch([
    { sql: 'CREATE TABLE "or""der" (rowid TEXT, x) ' },
    { sql: 'INSERT INTO "or""der" VALUES (\'a\', 1), (\'b\', 2)' },
    { sql: 'CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID' },
    { sql: "INSERT INTO keyed VALUES ('x'), ('y'), ('z')" },
    { sql: 'CREATE VIRTUAL TABLE found USING fts5(words)' },
    { sql: "INSERT INTO found VALUES ('some words')" },
    { sql: 'CREATE VIEW seen AS SELECT * FROM keyed' },
  ])
  expect(made.body.success, JSON.stringify(made.body)).toBe(true)
  const tables = await db().request('/tables')
  const sum = tables.body.data.reduce((rows: number, { rowCount }: { rowCount: number }) => rows + rowCount, 0)
  expect(sum).toBe(6)
  await listedWith(6, token)
})

test.concurrent('rows of a large database are estimated: without gaps to the row, with gaps nearly', async () => {
  const { token, db } = await platform.createNamespace('large')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  await db().query('CREATE TABLE few (x)')
  await db().query('INSERT INTO few VALUES (1), (2), (3)')
  for (let round = 0; round < 4; round++) expect((await db().query(fill(150_000))).body.success).toBe(true)
  const whole = await listedWith(600_003, token)
  expect(whole.rowsAreEstimated).toBe(true)
  await db().query('DELETE FROM t WHERE id % 4 = 0')
  let thinned = whole
  while (thinned.rows === whole.rows) thinned = await listed(token)
  expect(thinned.rowsAreEstimated).toBe(true)
  expect(Math.abs(thinned.rows - 450_003)).toBeLessThan(30_000)
})
