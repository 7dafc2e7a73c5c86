import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { hasReaders } from '../reader-count.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  const environment = { QUERY_TIMEOUT_S: '2', PERSQL_DEV: '1' }
  platform = await startPlatform({ watchdog: true, readers: 1, environment, failures: ['database_suspended'] })
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
    await setClock(seconds * 1000 + 1_000)
    expect((await db.query('DELETE FROM t')).status).toBe(200)
  }
  expect(before === undefined || (await requests()) >= before + 3).toBe(true)
}, 120_000)

test('a read in a transaction that writes counts as a write, and a read alone never suspends', async () => {
  const db = acme.db('other')
  const entries = platform.log.length
  const batch = [{ sql: 'INSERT INTO t VALUES (2)' }, { sql: `SELECT max(i) FROM (${numbers})` }]
  await expect(db.batch(batch, { transaction: true })).rejects.toThrow()
  await logged('stopped_statement_recorded', entries)
  expect((await eventually(() => db.query('INSERT INTO t VALUES (3)'))).body.code).toBe('database_suspended')
  const third = acme.db('third')
  await third.query('CREATE TABLE t (v)')
  const endless = third.query(`SELECT max(i) FROM (${numbers})`)
  // Without readers, the read ends with its process.
  if (hasReaders) expect((await endless).status).toBe(408)
  else await expect(endless).rejects.toThrow()
  expect((await eventually(() => third.query('INSERT INTO t VALUES (1)'))).status).toBe(200)
}, 60_000)
