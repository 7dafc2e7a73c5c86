import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { hasReaders } from '../reader-count.ts'

const HOUR_MS = 60 * 60 * 1_000

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  const environment = { QUERY_TIMEOUT_S: '2', PERSQL_DEV: '1' }
  platform = await startPlatform({
    watchdog: true,
    readers: 1,
    environment,
    failures: ['database_suspended', 'long_writes_suspended'],
  })
  acme = await platform.createNamespace('acme')
  for (const name of ['main', 'other']) await acme.db(name).query('CREATE TABLE t (v)')
})
afterAll(() => platform.stop())

const numbers = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'

/** The answer, once there is a process to give one. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await delay(50)
    }
  }
}

/** Waits until the log has another entry with this event. */
async function logged(event: string, before: number): Promise<void> {
  while (platform.log.slice(before).every((entry) => entry.event !== event)) await delay(50)
}

async function setClock(aheadMs: number): Promise<void> {
  const { status } = await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  expect(status).toBe(200)
}

test('a write that had to be stopped is billed and logged, and its database refuses writes for longer each time', async () => {
  const db = acme.db()
  const requests = async () =>
    (await eventually(() => platform.request('/v1/usage', { token: acme.token }))).body.data.totals?.requests
  const before = await requests()
  for (const [stopped, seconds] of [10, 60, 600].entries()) {
    const entries = platform.log.length
    await expect(db.query(`INSERT INTO t ${numbers}`)).rejects.toThrow()
    await logged('stopped_statement_recorded', entries)
    const { status, body, headers } = await eventually(() => db.query('INSERT INTO t VALUES (1)'))
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'database_suspended' })
    // More than the time before it, even on a slow machine.
    expect(Number(headers.get('retry-after'))).toBeGreaterThan([0, 10, 60][stopped] as number)
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(seconds)
    expect(Date.parse(body.until)).toBeGreaterThan(0)
    expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[0]])
    expect((await acme.db('other').query('INSERT INTO t VALUES (1)')).status).toBe(200)
    const log = "SELECT count(*) FROM _persql_query_log WHERE sql LIKE 'INSERT INTO t WITH%' AND status = 408"
    expect((await db.query(log)).body.data.rows).toEqual([[stopped + 1]])
    // The second stop within an hour refuses long writes for an hour.
    await setClock(HOUR_MS + 1_000)
    expect((await db.query('DELETE FROM t')).status).toBe(200)
  }
  expect(before === undefined || (await requests()) >= before + 3).toBe(true)
})

test('a read in a transaction that writes counts as a write, and a read alone never suspends', async () => {
  const mixed = await eventually(() => platform.createNamespace('mixed'))
  const db = mixed.db('other')
  await db.query('CREATE TABLE t (v)')
  const entries = platform.log.length
  const batch = [{ sql: 'INSERT INTO t VALUES (2)' }, { sql: `SELECT max(i) FROM (${numbers})` }]
  await expect(db.batch(batch, { transaction: true })).rejects.toThrow()
  await logged('stopped_statement_recorded', entries)
  expect((await eventually(() => db.query('INSERT INTO t VALUES (3)'))).body.code).toBe('database_suspended')
  const third = mixed.db('third')
  await third.query('CREATE TABLE t (v)')
  const endless = third.query(`SELECT max(i) FROM (${numbers})`)
  // Without readers, the read ends with its process.
  if (hasReaders) expect((await endless).status).toBe(408)
  else await expect(endless).rejects.toThrow()
  expect((await eventually(() => third.query('INSERT INTO t VALUES (1)'))).status).toBe(200)
})

test('two stopped writes of a namespace refuse the long writes of all its databases for an hour', async () => {
  const globex = await eventually(() => platform.createNamespace('globex'))
  const other = await platform.createNamespace('initech')
  await other.db().query('CREATE TABLE t (v)')
  const names = ['one', 'two', 'three', 'four']
  for (const name of names) await globex.db(name).query('CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
  const stop = async (name: string) => {
    const entries = platform.log.length
    await expect(globex.db(name).query(`INSERT INTO t (v) ${numbers}`)).rejects.toThrow()
    await logged('stopped_statement_recorded', entries)
  }
  const third = globex.db('three')
  await stop('one')
  // The first mistake is that of one database.
  expect((await eventually(() => third.query('UPDATE t SET v = 1'))).status).toBe(200)
  await stop('two')

  const restarts = () => platform.log.filter(({ event }) => event === 'workerd_restarted').length
  const before = await eventually(async () => {
    expect((await third.query('SELECT 1')).status).toBe(200)
    return restarts()
  })
  const long: [what: string, ask: () => ReturnType<typeof third.query>][] = [
    ['an endless INSERT', () => third.query(`INSERT INTO t (v) ${numbers}`)],
    ['an UPDATE of all rows', () => third.query('UPDATE t SET v = 2')],
    ['a DELETE with a condition', () => third.query('DELETE FROM t WHERE v = 2')],
    ['a table from a query', () => third.query(`CREATE TABLE more AS ${numbers}`)],
    [
      'an endless read in a transaction that writes',
      () =>
        third.batch([{ sql: 'INSERT INTO t (v) VALUES (2)' }, { sql: `SELECT max(i) FROM (${numbers})` }], {
          transaction: true,
        }),
    ],
    ['a database that the namespace creates now', () => globex.db('new').query(`CREATE TABLE more AS ${numbers}`)],
    ['the same database', () => globex.db('two').query('DELETE FROM t WHERE v = 2')],
  ]
  for (const [what, ask] of long) {
    const { status, body, headers } = await ask()
    expect([status, body.code], what).toEqual([503, 'long_writes_suspended'])
    expect(Date.parse(body.until) - Date.now(), what).toBeLessThanOrEqual(HOUR_MS)
    expect(Number(headers.get('retry-after')), what).toBeGreaterThan(HOUR_MS / 1_000 - 600)
  }
  const short: [what: string, ask: () => ReturnType<typeof third.query>][] = [
    ['an INSERT of a row', () => third.query('INSERT INTO t VALUES (1, 1)')],
    ['an UPDATE of a row', () => third.query('UPDATE t SET v = 2 WHERE id = 1')],
    ['a DELETE of a row', () => third.query('DELETE FROM t WHERE id = 7')],
    ['a schema change', () => third.query('CREATE TABLE other (v)')],
    ['a long read', () => globex.db('four').query('SELECT count(*) FROM t a, t b')],
    ['a long write of another namespace', () => other.db().query('UPDATE t SET v = 1')],
  ]
  for (const [what, ask] of short) expect((await ask()).status, what).toBe(200)
  expect((await third.query('SELECT v FROM t')).body.data.rows).toEqual([[2]])
  expect(restarts()).toBe(before)

  // A process that is replaced for another reason knows it too.
  process.kill(platform.pid(), 'SIGKILL')
  const refused = await eventually(() => third.query('UPDATE t SET v = 3'))
  expect(refused.body.code).toBe('long_writes_suspended')
  await setClock(HOUR_MS)
  expect((await third.query('UPDATE t SET v = 3')).status).toBe(200)
})
