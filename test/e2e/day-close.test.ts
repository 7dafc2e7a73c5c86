import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

type Tenant = ReturnType<TestPlatform['database']>

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

let platform: TestPlatform
let aheadMs = 0
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
})
afterAll(() => platform.stop())

const dev = (path: string, body: object) => platform.request(`/api/dev/${path}`, { token: platform.secret, body })
const operator = (path: string, body?: object) =>
  platform.request(`/api/operator/${path}`, { token: platform.secret, body })
/** Moves the clock to the first moment after the next midnight, UTC, and waits until what is due then is done. */
async function nextDay() {
  aheadMs = (Math.floor((Date.now() + aheadMs) / DAY) + 1) * DAY - Date.now() + 1_000
  expect((await dev('clock', { aheadMs })).status).toBe(200)
}
const billing = async (token: string) => (await platform.request('/v1/billing', { token })).body.data
const usage = async (token: string, query = '') => (await platform.request(`/v1/usage${query}`, { token })).body.data

const dayBefore = (days: number) => new Date(Date.now() - days * DAY).toISOString().slice(0, 10)

interface Bill {
  requests: bigint
  rowsRead: bigint
  rowsWritten: bigint
  aiTokens: bigint
  byteHours: bigint
}
/**
 * Returns the cost of a bill in nano-dollars by the published rates: dollars per million, and per GB-month of 30 days.
 */
function computeCost({ requests, rowsRead, rowsWritten, aiTokens, byteHours }: Bill): bigint {
  const perMillion = (quantity: bigint, milliDollars: bigint) => (quantity * milliDollars * 1_000_000n) / 1_000_000n
  const metered =
    perMillion(requests, 500n) +
    perMillion(rowsRead, 5n) +
    perMillion(rowsWritten, 2_000n) +
    perMillion(aiTokens, 1_000n)
  const storage = (byteHours * 400_000_000n) / (1_000_000_000n * 30n * 24n)
  return metered + storage
}

test('a month of top-ups, usage, storage and AI tokens: every ledger gives the bill worked out from the rates', async () => {
  const names = ['north', 'south', 'west']
  const tenants = await Promise.all(
    names.map(async (name) => {
      const { token, db } = await platform.createNamespace(name)
      const bill: Bill = { requests: 0n, rowsRead: 0n, rowsWritten: 0n, aiTokens: 0n, byteHours: 0n }
      return { name, token, db, bill, credited: 5_000_000_000n, bytes: new Map<string, bigint>() }
    }),
  )
  const run = async (tenant: (typeof tenants)[number], database: string, sql: string, params: unknown[] = []) => {
    const { body } = await tenant.db(database).query(sql, params)
    expect(body.success, JSON.stringify(body)).toBe(true)
    tenant.bill.requests += 1n
    tenant.bill.rowsRead += BigInt(body.meta.rowsRead)
    tenant.bill.rowsWritten += BigInt(body.meta.rowsWritten)
  }
  for (let day = 0; day < 31; day++) {
    for (const [i, tenant] of tenants.entries()) {
      if (day === 0) {
        for (const name of ['main', 'second']) await run(tenant, name, 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
      }
      const database = day % 2 === 0 || day > 20 ? 'main' : 'second'
      await run(
        tenant,
        database,
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO t (x) SELECT hex(randomblob(?)) FROM n',
        [3 + ((day * 7 + i) % 40), 100 * (i + 1)],
      )
      await run(tenant, database, 'SELECT count(*) FROM t')
      if (day % 5 === i) {
        await dev('ai-tokens', { namespace: tenant.name, database, tokens: 1_000 + day })
        tenant.bill.aiTokens += BigInt(1_000 + day)
      }
      if (day % 7 === i) {
        const amountUsd = 0.05 + day / 100
        await operator(`namespaces/${tenant.name}/credit`, {
          amountUsd,
          note: 'a cheque',
          ref: `${tenant.name}-${day}`,
        })
        tenant.credited += BigInt(Math.round(amountUsd * 1e9))
      }
      if (day === 20) await platform.request('/v1/databases/second', { method: 'DELETE', token: tenant.token })
      if (day === 20) tenant.bill.requests += 1n
    }
    await nextDay()
    for (const tenant of tenants) {
      const { spend, ledger } = await billing(tenant.token)
      // The platform measures stored bytes. A separate test below compares them with the sampled days.
      tenant.bill.byteHours = BigInt(spend.storageByteHours.quantity)
      const entries = ledger.reduce(
        (sum: bigint, { amountUsd }: { amountUsd: number }) => sum + BigInt(Math.round(amountUsd * 1e9)),
        0n,
      )
      expect(entries).toBe(tenant.credited - computeCost(tenant.bill))
    }
  }
  for (const tenant of tenants) {
    const { balanceNanoUsd, balanceUsd, spend, ledger } = await billing(tenant.token)
    expect(BigInt(balanceNanoUsd)).toBe(tenant.credited - computeCost(tenant.bill))
    expect(balanceUsd).toBe(Number(balanceNanoUsd) / 1e9)
    expect(spend).toMatchObject({
      requests: { quantity: Number(tenant.bill.requests) },
      rowsRead: { quantity: Number(tenant.bill.rowsRead) },
      rowsWritten: { quantity: Number(tenant.bill.rowsWritten) },
      aiTokens: { quantity: Number(tenant.bill.aiTokens) },
    })
    expect(tenant.bill.byteHours).toBeGreaterThan(0n)
    const days = ledger.filter(({ kind }: { kind: string }) => kind === 'usage')
    expect(days).toHaveLength(31)
    expect(new Set(days.map(({ ref }: { ref: string }) => ref)).size).toBe(31)
    expect(days[0].detail.rowsWritten).toEqual({ quantity: expect.any(Number), costUsd: expect.any(Number) })
  }
  const { body } = await operator('namespaces')
  expect(body.data.map(({ slug, driftUsd }: { slug: string; driftUsd: number }) => [slug, driftUsd])).toEqual(
    names.toSorted().map((name) => [name, 0]),
  )
  const status = await platform.request('/api/status')
  expect(status.body.data).toEqual({
    ok: true,
    namespaces: 3,
    drifting: 0,
    lastReconcileAt: expect.stringMatching(/Z$/),
  })
})

test('storage: what is empty costs nothing, what is stored its bytes by its hours, and what is deleted nothing more', async () => {
  const { token, db } = await platform.createNamespace('store')
  await nextDay()
  const stored = async () => (await billing(token)).spend.storageByteHours.quantity
  for (const name of ['main', 'bare', 'full']) await db(name).query('SELECT 1')
  // Indexes and tables without rows, and the log of many calls: nothing of a tenant's own is stored.
  await db('bare').batch(
    ['CREATE TABLE t (a UNIQUE, b)', 'CREATE INDEX tb ON t (b)', 'CREATE VIEW v AS SELECT * FROM t'].map((sql) => ({
      sql,
    })),
  )
  for (let i = 0; i < 50; i++)
    await db('bare').query(`SELECT '${'x'.repeat(1_000)}', ${i}`, [], { 'Idempotency-Key': `k${i}` })
  await nextDay()
  expect(await stored()).toBe(0)
  // A million bytes in a table without an index, give or take what pages hold besides.
  await db('full').query('CREATE TABLE t (x)')
  await db('full').query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT printf('%01000d', i) FROM n",
  )
  await nextDay()
  const first = await stored()
  expect(first / 24).toBeGreaterThan(1_000_000)
  expect(first / 24).toBeLessThan(1_400_000)
  await nextDay()
  const second = await stored()
  expect(second).toBe(2 * first)
  await platform.request('/v1/databases/full', { method: 'DELETE', token })
  await nextDay()
  expect(await stored()).toBe(second)
})

/** A statement that stores about this many MB in table `t`. */
const store = (mb: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${mb / 2}) INSERT INTO t (x) SELECT zeroblob(2000000) FROM n`

const LARGE = 150 * 1_000_000

test.each<[string, (db: Tenant, token: string) => Promise<Answer>]>([
  ['deleted by the next call', (db) => db.query('DELETE FROM t')],
  [
    'deleted after the process was killed',
    async (db) => {
      await platform.kill()
      await platform.restart()
      expect((await dev('clock', { aheadMs })).status).toBe(200)
      return await db.query('DELETE FROM t')
    },
  ],
  ['in a database that is deleted', (_, token) => platform.request('/v1/databases/main', { method: 'DELETE', token })],
])('storage that is %s is billed for one day', async (how, remove) => {
  const { token, db } = await platform.createNamespace(`gone-${how.split(' ').at(-1)}`)
  await db().query('CREATE TABLE t (x)')
  await db().request('/settings', { method: 'PATCH', body: { automaticSnapshots: false } })
  await nextDay()
  expect((await db().query(store(150))).status).toBe(200)
  expect((await remove(db(), token)).status).toBe(200)
  const stored = async () => (await billing(token)).spend.storageByteHours.quantity
  // The sample is billed before the day is over.
  await expect.poll(stored).toBeGreaterThan(24 * LARGE)
  const first = await stored()
  expect(first).toBeLessThan(24 * 1.05 * LARGE)
  await nextDay()
  await nextDay()
  expect(await stored()).toBe(first)
})

test('a database that grows in calls of a few milliseconds is billed for its largest size', async () => {
  const { token, db } = await platform.createNamespace('steps')
  await db().query('CREATE TABLE t (x)')
  await nextDay()
  for (let i = 0; i < 75; i++) await db().query(store(2))
  await db().query('DELETE FROM t WHERE rowid > 5')
  const stored = async () => (await billing(token)).spend.storageByteHours.quantity
  await expect.poll(stored).toBeGreaterThan(24 * 100 * 1_000_000)
  await nextDay()
  expect(await stored()).toBeLessThan(24 * 1.05 * LARGE)
})

test('snapshots are billed with their database, and no longer than they exist', async () => {
  const { token, db } = await platform.createNamespace('snaps')
  await db().query('CREATE TABLE t (x)')
  await db().query(store(4))
  await nextDay()
  const stored = async () => (await billing(token)).spend.storageByteHours.quantity
  const perDay = async () => {
    const before = await stored()
    await nextDay()
    return (await stored()) - before
  }
  const alone = await perDay()
  expect(alone).toBeGreaterThan(24 * 4_000_000)
  const { id } = (await db().request('/snapshots', { body: { label: 'kept' } })).body.data
  expect(await perDay()).toBe(2 * alone)
  // The statement creates an automatic snapshot.
  expect((await db().query('DELETE FROM t')).body.meta.snapshot).toBeDefined()
  expect(await perDay()).toBe(2 * alone)
  await db().request(`/snapshots/${id}`, { method: 'DELETE' })
  expect(await perDay()).toBe(alone)
})

test('a fork is charged for what it stores from the first day on, whether it was ever called or not', async () => {
  const { token, make } = await platform.createNamespace('forked')
  await nextDay()
  const db = await make(
    'CREATE TABLE t (x)',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO t SELECT zeroblob(4000) FROM n',
  )
  await nextDay()
  const quantity = async () => (await billing(token)).spend.storageByteHours.quantity
  const alone = await quantity()
  expect((await db.request('/fork', { body: { slug: 'copy' } })).status).toBe(200)
  await nextDay()
  const { databases } = await usage(token)
  expect(databases).toContainEqual(expect.objectContaining({ slug: 'copy', requests: 0 }))
  expect(await quantity()).toBeGreaterThan(2.5 * alone)
})

test('the usage of each day and database can be read back', async () => {
  const { token, db } = await platform.createNamespace('history')
  await nextDay()
  const day = new Date(Date.now() + aheadMs).toISOString().slice(0, 10)
  await db('main').query('SELECT 1')
  await db('other').query('CREATE TABLE t (n)')
  await db('other').query('INSERT INTO t VALUES (1), (2)')
  const { days } = await usage(token)
  const counts = { storageByteHours: 0, aiTokens: 0 }
  expect(days).toEqual([
    { day, database: 'main', requests: 1, rowsRead: 0, rowsWritten: 0, ...counts, costUsd: 0.0000005 },
    {
      day,
      database: 'other',
      requests: 2,
      rowsRead: expect.any(Number),
      rowsWritten: expect.any(Number),
      ...counts,
      costUsd: expect.any(Number),
    },
  ])
  const reader = (await platform.request('/v1/tokens', { token, body: { name: 'reader' } })).body.data
  for (let i = 0; i < 3; i++) await platform.database('history', 'main', reader.token).query('SELECT 1')
  const { tokens } = await usage(token)
  expect(tokens).toContainEqual({ day, token: reader.id, requests: 3, rowsRead: 0, rowsWritten: 0, aiTokens: 0 })
  expect(tokens).toHaveLength(2)
  expect(await usage(token, '?from=2020-01-01&to=2020-01-31')).toMatchObject({ days: [], tokens: [] })
  for (const query of ['?from=yesterday', '?from=2020-01-01', '?from=2026-02-02&to=2026-02-01']) {
    expect((await platform.request(`/v1/usage${query}`, { token })).body.code, query).toBe('invalid_input')
  }
})

test.each(['before', 'while'])('a crash %s the day is closed changes nothing of the bill', async (moment) => {
  const name = `crash-${moment}`
  const { token, db } = await platform.createNamespace(name)
  await db().query('CREATE TABLE t (x)')
  await db().query("INSERT INTO t SELECT printf('%05000d', column1) FROM (VALUES (1), (2), (3), (4)) ")
  await db('two').query('CREATE TABLE t (x)')
  await billing(token)
  const before = (await billing(token)).balanceNanoUsd
  for (let round = 0; round < 6; round++) {
    aheadMs = (Math.floor((Date.now() + aheadMs) / DAY) + 1) * DAY - Date.now() + 1_000
    const closing = dev('clock', { aheadMs }).catch(() => {})
    if (moment === 'while') await new Promise((resolve) => setTimeout(resolve, round * 4))
    await platform.kill()
    await closing
    await platform.restart()
    expect((await dev('clock', { aheadMs })).status).toBe(200)
  }
  const after = await billing(token)
  const posted = after.ledger.filter(({ kind }: { kind: string }) => kind === 'usage')
  expect(new Set(posted.map(({ ref }: { ref: string }) => ref)).size).toBe(posted.length)
  const storage = BigInt(after.spend.storageByteHours.quantity)
  // Six days are over, each sampled once however often it was cut off; only the first was not a whole one.
  const { days } = await usage(token, `?from=${dayBefore(200)}&to=${dayBefore(-100)}`)
  const sampled = days.filter((line: { database: string }) => line.database === 'main')
  const hours = sampled.map(({ storageByteHours }: { storageByteHours: number }) => storageByteHours)
  expect(new Set(hours.slice(1, 6)).size).toBe(1)
  expect(hours[1]).toBeGreaterThan(0)
  expect(hours[0] % (hours[1] / 24)).toBe(0)
  const spent = (storage * 400_000_000n) / (1_000_000_000n * 720n)
  expect(BigInt(after.balanceNanoUsd)).toBe(BigInt(before) - spent)
  const { body } = await operator('namespaces')
  expect(body.data.find(({ slug }: { slug: string }) => slug === name)).toMatchObject({ driftUsd: 0 })
})
