import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let token: string
let db: Database
let slug: string
let number = 0
let aheadMs = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())
beforeEach(async () => {
  slug = `db-${++number}`
  await platform.request('/v1/databases', { token, body: { slug } })
  db = platform.database('acme', slug, token)
  await run('CREATE TABLE t (id INTEGER PRIMARY KEY, n)')
})

async function run(sql: string) {
  const { status, body } = await db.query(sql)
  expect([status, body.error], sql).toEqual([200, undefined])
  return body.data
}
const rows = async (): Promise<number> => (await run('SELECT count(*) FROM t')).rows[0][0]
async function create(fields: object = {}) {
  const body = { name: 'mine', sql: 'INSERT INTO t (n) VALUES (?)', params: [7], intervalSec: 60, ...fields }
  const answer = await db.request('/schedules', { body })
  expect([answer.status, answer.body.error]).toEqual([200, undefined])
  return answer.body.data
}
const one = async (id: string) =>
  (await db.request('/schedules')).body.data?.find((schedule: { id: string }) => schedule.id === id)
/** Moves the clock, and does what is due by then. */
async function passes(ms: number) {
  aheadMs += ms
  const [, , , namespace, name] = db.path.split('/')
  const body = { aheadMs, database: { namespace, slug: name } }
  expect((await platform.request('/api/dev/clock', { token: platform.secret, body })).status).toBe(200)
}
async function until(id: string, fits: (schedule: { lastRunAt: string | null; [key: string]: unknown }) => boolean) {
  const untilMs = Date.now() + 60_000
  for (;;) {
    const schedule = await one(id)
    // With an empty balance, no call succeeds.
    if (schedule && fits(schedule)) return schedule
    if (Date.now() > untilMs) throw new Error(`It stays ${JSON.stringify(schedule)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('a schedule runs when its interval has passed, and says how that went', async () => {
  const made = await create()
  expect(made).toMatchObject({ name: 'mine', params: [7], intervalSec: 60, enabled: true, lastRunAt: null })
  expect(made.id).toMatch(/^sch_/)
  expect(Date.parse(made.nextRunAt) - Date.parse(made.createdAt)).toBe(60_000)
  await passes(30_000)
  expect(await rows()).toBe(0)
  await passes(31_000)
  const ran = await until(made.id, ({ lastRunAt }) => lastRunAt !== null)
  expect(ran).toMatchObject({ lastStatus: 'ok', lastError: null, lastRowsWritten: 1 })
  expect(ran.lastDurationMs).toEqual(expect.any(Number))
  expect(Date.parse(ran.nextRunAt)).toBe(Date.parse(made.nextRunAt) + 60_000)
  expect((await run('SELECT n FROM t')).rows).toEqual([[7]])
})

test('runs that were missed are made up for once', async () => {
  const made = await create()
  await passes(3_600_000)
  const ran = await until(made.id, ({ lastRunAt }) => lastRunAt !== null)
  expect(await rows()).toBe(1)
  expect(Date.parse(ran.nextRunAt)).toBeGreaterThan(Date.parse(ran.lastRunAt))
  expect((Date.parse(ran.nextRunAt) - Date.parse(made.nextRunAt)) % 60_000).toBe(0)
})

test('each time it is due it runs exactly once, whenever the machine crashes', async () => {
  const made = await create({ sql: 'INSERT INTO t (n) SELECT count(*) FROM t', params: [] })
  for (let round = 1; round <= 8; round++) {
    const running = passes(60_000).catch(() => 'cut off')
    await new Promise((resolve) => setTimeout(resolve, round * 2))
    await platform.kill()
    await running
    await platform.restart()
    await passes(0)
    await until(made.id, ({ nextRunAt }) => Date.parse(String(nextRunAt)) > Date.now() + aheadMs)
    expect(await rows()).toBe(round)
  }
})

test('a failure is noted and disables nothing', async () => {
  const made = await create({ sql: 'INSERT INTO t (id) VALUES (1)', params: [] })
  await run('INSERT INTO t (id) VALUES (1)')
  await passes(61_000)
  const failed = await until(made.id, ({ lastRunAt }) => lastRunAt !== null)
  expect(failed).toMatchObject({ lastStatus: 'error', enabled: true, lastError: expect.stringContaining('UNIQUE') })
  await run('DELETE FROM t')
  await passes(60_000)
  await until(made.id, ({ lastStatus }) => lastStatus === 'ok')
  expect(await rows()).toBe(1)
})

test('a run by hand leaves the next one where it is, also while the schedule is off', async () => {
  const made = await create({ enabled: false })
  expect(made.nextRunAt).toBeNull()
  const { body } = await db.request(`/schedules/${made.id}/run`, { body: {} })
  expect(body.data).toMatchObject({ lastStatus: 'ok', lastRowsWritten: 1, nextRunAt: null })
  const on = await db.request(`/schedules/${made.id}`, { method: 'PATCH', body: { enabled: true } })
  const { nextRunAt } = on.body.data
  const by = await db.request(`/schedules/${made.id}/run`, { body: {} })
  expect(by.body.data.nextRunAt).toBe(nextRunAt)
  await db.request(`/schedules/${made.id}`, { method: 'PATCH', body: { sql: 'SELECT * FROM t', params: [] } })
  expect((await db.request(`/schedules/${made.id}/run`, { body: {} })).body.data).toMatchObject({ lastRowsRead: 2 })
  await run('DROP TABLE t')
  const failed = await db.request(`/schedules/${made.id}/run`, { body: {} })
  expect([failed.status, failed.body.data.lastStatus]).toEqual([200, 'error'])
  expect(failed.body.data.lastError).toContain('no such table')
})

test('runs are billed like queries, and at an empty balance they are refused and tried again', async () => {
  const { token: poor, db: of } = await platform.createNamespace('poor')
  db = of()
  await run('CREATE TABLE t (id INTEGER PRIMARY KEY, n)')
  const made = await create()
  const spent = async () => (await platform.request('/v1/billing', { token: poor })).body.data
  const before = (await spent()).spend.requests.quantity
  await passes(61_000)
  await until(made.id, ({ lastRunAt }) => lastRunAt !== null)
  await db.request(`/schedules/${made.id}/run`, { body: {} })
  const after = await spent()
  expect(after.spend.requests.quantity - before).toBeGreaterThanOrEqual(2)
  expect(after.spend.rowsWritten.quantity).toBeGreaterThanOrEqual(2)
  const credit = (amountUsd: number) =>
    platform.request('/api/operator/namespaces/poor/credit', {
      token: platform.secret,
      body: { amountUsd, note: 'test' },
    })
  const drain = await platform.request('/api/dev/ai-tokens', {
    token: platform.secret,
    body: { namespace: 'poor', database: 'main', tokens: 10_000_000 },
  })
  expect(drain.status).toBe(200)
  await passes(60_000)
  expect((await credit(20)).status).toBe(200)
  const refused = await until(made.id, ({ lastStatus }) => lastStatus === 'error')
  expect(refused).toMatchObject({ lastError: 'Insufficient balance', enabled: true })
  await passes(60_000)
  await until(made.id, ({ lastStatus }) => lastStatus === 'ok')
})

test('a deleted or disabled schedule does not run, and a change of the interval restarts it', async () => {
  const [gone, off, later] = [await create(), await create(), await create()]
  expect((await db.request(`/schedules/${gone.id}`, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  await db.request(`/schedules/${off.id}`, { method: 'PATCH', body: { enabled: false } })
  const changed = await db.request(`/schedules/${later.id}`, { method: 'PATCH', body: { intervalSec: 604_800 } })
  expect(changed.body.data.intervalSec).toBe(604_800)
  await passes(120_000)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(await rows()).toBe(0)
  expect((await db.request(`/schedules/${gone.id}/run`, { body: {} })).body.code).toBe('schedule_not_found')
})

describe('what is refused', () => {
  test.each([
    ['an interval that is too short', { intervalSec: 59 }, 'invalid_input'],
    ['an interval that is too long', { intervalSec: 604_801 }, 'invalid_input'],
    ['two statements', { sql: 'SELECT 1; SELECT 2', params: [] }, 'multiple_statements'],
    ['nonsense', { sql: 'INSRT', params: [] }, 'sql_error'],
    ["PerSQL's own tables", { sql: 'DELETE FROM _persql_query_log', params: [] }, 'table_protected'],
    ['a transaction', { sql: 'BEGIN', params: [] }, 'statement_not_allowed'],
  ])('%s', async (_what, fields, code) => {
    const answer = await db.request('/schedules', { body: { name: 'x', sql: 'SELECT 1', intervalSec: 60, ...fields } })
    expect([answer.status, answer.body.code]).toEqual([code === 'table_protected' ? 403 : 400, code])
  })

  test('more than its creator may, also when a trigger reaches further later', async () => {
    await run('CREATE TABLE secret (n)')
    const minted = await platform.request('/v1/tokens', { token, body: { name: 'x', tableScope: ['t'] } })
    const scoped = platform.database('acme', slug, minted.body.data.token)
    const body = { name: 'x', sql: 'INSERT INTO t (n) VALUES (1)', intervalSec: 60 }
    const refused = await scoped.request('/schedules', { body: { ...body, sql: 'DELETE FROM secret' } })
    expect(refused.body.code).toBe('table_out_of_scope')
    const { id } = (await scoped.request('/schedules', { body })).body.data
    const other = await create()
    expect((await scoped.request('/schedules')).body.data.map((each: { id: string }) => each.id)).toEqual([id])
    expect((await scoped.request(`/schedules/${other.id}/run`, { body: {} })).body.code).toBe('not_for_scoped_token')
    expect((await scoped.request(`/schedules/${id}/run`, { body: {} })).body.data.lastStatus).toBe('ok')
    await run('CREATE TRIGGER reach AFTER INSERT ON t BEGIN INSERT INTO secret VALUES (NEW.n); END')
    const reached = await db.request(`/schedules/${id}/run`, { body: {} })
    expect(reached.body.data).toMatchObject({ lastStatus: 'error', lastError: expect.stringContaining('secret') })
  })
})

test('a restore keeps schedules, a fork has none', async () => {
  const made = await create()
  const snapshot = await db.request('/snapshots', { body: { label: 'x' } })
  await db.request('/restore', { body: { snapshotId: snapshot.body.data.id } })
  expect((await one(made.id)).id).toBe(made.id)
  await db.request('/fork', { body: { slug: `fork-${number}` } })
  expect((await platform.database('acme', `fork-${number}`, token).request('/schedules')).body.data).toEqual([])
})
