import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

// An instance with PERSQL_READERS=0, which runs all reads in place.

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  const environment = { QUERY_TIMEOUT_S: '3' }
  platform = await startPlatform({ readers: 0, watchdog: true, environment, failures: ['database_suspended'] })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const numbers = (count?: number) =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n${count === undefined ? '' : ` WHERE i < ${count}`})`
const endless = `${numbers()} SELECT max(i) FROM n`

async function create(name: string, ...statements: string[]) {
  const db = acme.db(name)
  for (const sql of ['CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)', ...statements]) {
    expect((await db.query(sql)).body.error, sql).toBeUndefined()
  }
  return db
}

/** The answer, once there is a process to give one. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await delay(20)
    }
  }
}

test('no reader is started', async () => {
  expect(platform.readers?.pids).toEqual([])
  expect(readdirSync(join(platform.data, 'run')).filter((name) => name.startsWith('reader'))).toEqual([])
})

test.each([
  ['a recursive query', `${numbers(50_000)} SELECT count(*), max(i) FROM n`, [[50_000, 50_000]]],
  ['a join without an index', 'SELECT count(*) FROM t a JOIN t b ON b.v > a.v', [[499_500]]],
  ['a sort', 'SELECT id FROM t ORDER BY v DESC LIMIT 1', [[999]]],
  ['a pattern with many wildcards', "SELECT count(*) FROM t WHERE v LIKE '%v%9%9%'", [[28]]],
])('%s returns, costs and logs what it does in a reader', async (name, sql, rows) => {
  const db = await create(name.replaceAll(' ', '-'), `${numbers(1_000)} INSERT INTO t SELECT i, 'v' || i FROM n`)
  const { status, body } = await db.query(sql)
  expect([status, body.data.rows]).toEqual([200, rows])
  expect(body.data.rowsRead).toBeGreaterThan(0)
  const log = await db.query('SELECT rows_read, status FROM _persql_query_log WHERE sql = ?', [sql])
  expect(log.body.data.rows).toEqual([[body.data.rowsRead, 200]])
})

test('a large result arrives whole, alone and in a batch', async () => {
  const db = await create('large')
  const sql = `${numbers(120)} SELECT i, printf('%.*c', 100000, 'x'), 'ä' FROM n`
  const expected = Array.from({ length: 120 }, (_, i) => [i + 1, 'x'.repeat(100_000), 'ä'])
  expect((await db.query(sql)).body.data.rows).toEqual(expected)
  const { body } = await db.batch([{ sql }, { sql: 'SELECT 1' }])
  expect(body.data.map(({ rows }: { rows: unknown }) => rows)).toEqual([expected, [[1]]])
})

test('a running read has no ID to cancel', async () => {
  const db = await create('cancel')
  const { status, body } = await db.request('/queries/any', { method: 'DELETE' })
  expect([status, body.code]).toEqual([404, 'query_not_found'])
})

test.each([
  ['query', (db: Database) => db.query(endless)],
  ['batch', (db: Database) => db.batch([{ sql: 'SELECT 1' }, { sql: endless }])],
  ['full-text table', (db: Database) => db.query('SELECT count(*) FROM f')],
  ['list of tables', (db: Database) => db.request('/tables')],
  ['description', (db: Database) => db.request('/describe')],
])('an endless read in a %s ends with its process, is logged, and suspends nothing', async (name, read) => {
  const db = await create(`endless-${name.replaceAll(' ', '-')}`, 'INSERT INTO t VALUES (1, NULL)')
  const view = `CREATE VIEW v AS ${numbers()} SELECT i AS id, i AS body FROM n`
  const table = "CREATE VIRTUAL TABLE f USING fts5(body, content='v', content_rowid='id')"
  if (!['query', 'batch'].includes(name))
    for (const sql of [view, table]) expect((await db.query(sql)).status).toBe(200)
  const pid = platform.pid()
  const entries = platform.log.length
  await expect(read(db)).rejects.toThrow(TypeError)
  while (platform.pid() === pid) await delay(20)
  const killed = platform.log.slice(entries).find(({ event }) => event === 'statement_killed')
  expect(killed).toMatchObject({ database: `acme/${db.slug}`, tokenId: acme.tokenId, seconds: 3 })
  const recorded = (each: Record<string, unknown>) =>
    each.event === 'stopped_statement_recorded' && each.database === `acme/${db.slug}`
  while (!platform.log.some(recorded)) await delay(20)
  expect((await eventually(() => db.query('INSERT INTO t VALUES (2, NULL)'))).status).toBe(200)
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[2]])
  const log = await db.query('SELECT count(*) FROM _persql_query_log WHERE status = 408')
  expect(log.body.data.rows).toEqual([[1]])
})

test('an endless write suspends writes to its database, and no other', async () => {
  const [db, other] = [await create('writes'), await create('others')]
  await expect(db.query(`INSERT INTO t (id) ${numbers()} SELECT max(i) FROM n`)).rejects.toThrow(TypeError)
  while (
    !platform.log.some(({ event, database }) => event === 'stopped_statement_recorded' && database === 'acme/writes')
  )
    await delay(20)
  const refused = await eventually(() => db.query('INSERT INTO t VALUES (1, NULL)'))
  expect([refused.status, refused.body.code]).toEqual([503, 'database_suspended'])
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[0]])
  expect((await other.query('INSERT INTO t VALUES (1, NULL)')).status).toBe(200)
})

type Database = ReturnType<TestPlatform['database']>
