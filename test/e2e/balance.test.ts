import { decodePaymentRequiredHeader } from '@x402/core/http'
import { validatePaymentRequired } from '@x402/core/schemas'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
/** 40 requests. */
const CREDIT_NANO = 20_000

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '0.00002' } })
})
afterAll(() => platform.stop())

type Namespace = Awaited<ReturnType<TestPlatform['createNamespace']>>

const billing = async ({ token }: Namespace) => (await platform.request('/v1/billing', { token })).body.data

async function spendAll(namespace: Namespace, databases: string[], clients: number): Promise<number> {
  let served = 0
  let refusals = 0
  const client = async (index: number) => {
    // A few tries after the first refusal: the last credit may be on its way from another database.
    while (refusals < clients * 20) {
      const { status } = await namespace.db(databases[index % databases.length]).query('SELECT 1')
      if (status === 200) served++
      else if (status === 402) refusals++
      else throw new Error(`status ${status}`)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)))
  return served
}

describe('the balance', () => {
  test('is spent to the last request by one database, and then nothing is served', async () => {
    const one = await platform.createNamespace('one')
    expect(await spendAll(one, ['main'], 1)).toBe(40)
    expect((await billing(one)).balanceNanoUsd).toBe('0')
  })

  test('is spent to the last request by eight concurrent databases', async () => {
    const eight = await platform.createNamespace('eight')
    const databases = Array.from({ length: 8 }, (_, i) => `db${i}`)
    expect(await spendAll(eight, databases, 16)).toBe(40)
    const { balanceNanoUsd, spend } = await billing(eight)
    expect(balanceNanoUsd).toBe('0')
    expect(spend.requests.quantity * 500).toBe(CREDIT_NANO)
  })

  test('goes below zero at most by the rows of requests that were covered when they started', async () => {
    const rows = await platform.createNamespace('rows')
    const db = rows.db()
    await db.query('CREATE TABLE t (x)')
    const insert = 'INSERT INTO t SELECT value FROM json_each(?)'
    const body = JSON.stringify(Array.from({ length: 1_000 }, (_, i) => i))
    expect((await db.query(insert, [body])).status).toBe(200)
    expect((await db.query(insert, [body])).status).toBe(402)
    const { balanceNanoUsd, ledger, spend } = await billing(rows)
    const { requests, rowsRead, rowsWritten } = spend
    const used = requests.quantity * 500 + rowsRead.quantity * 5 + rowsWritten.quantity * 2_000
    expect(Number(balanceNanoUsd)).toBe(CREDIT_NANO - used)
    expect(rowsWritten.quantity).toBeLessThan(1_010)
    expect(ledger).toMatchObject([{ kind: 'welcome_credit', amountUsd: 0.00002 }])
  })

  test('at zero still commits and rolls back the transactions that are open', async () => {
    const open = await platform.createNamespace('open')
    const db = open.db()
    await db.query('CREATE TABLE t (x)')
    const insert = { mode: 'write', statements: [{ sql: 'INSERT INTO t VALUES (1)' }] }
    const { id } = (await db.request('/transactions', { body: insert })).body.data
    const reading = (await db.request('/transactions', { body: { mode: 'read' } })).body.data
    const pipeline = async (baton: string | null, ...sql: readonly string[]) => {
      const requests = sql.map((text) => ({ type: 'execute', stmt: { sql: text } }))
      const path = `/libsql/${open.namespace.slug}/main/v2/pipeline`
      return await platform.request(path, { token: open.token, body: { baton, requests } })
    }
    const streams = [await pipeline(null, 'BEGIN', 'SELECT 2'), await pipeline(null, 'BEGIN', 'SELECT 3')]
    const [one = '', two = ''] = streams.map(({ body }) => body.baton as string)
    await spendAll(open, ['main'], 1)
    const more = { statements: [{ sql: 'SELECT 1' }] }
    const statements = await db.request(`/transactions/${id}/statements`, { body: { step: 1, ...more } })
    expect([statements.status, (await db.request('/transactions', { body: {} })).status]).toEqual([402, 402])
    expect((await db.request(`/transactions/${id}/commit`, { body: more })).status).toBe(402)
    const commit = () => db.request(`/transactions/${id}/commit`, { method: 'POST' })
    expect((await commit()).body.data).toMatchObject({ committed: true, rowsWritten: 1 })
    expect((await commit()).body.data).toMatchObject({ committed: true, rowsWritten: 1 })
    expect((await db.request(`/transactions/${reading.id}`, { method: 'DELETE' })).status).toBe(200)
    expect((await pipeline(one, 'SELECT 1')).status).toBe(402)
    expect((await pipeline(one, 'COMMIT', 'SELECT 1')).status).toBe(402)
    expect((await pipeline(one, 'COMMIT')).body).toMatchObject({ baton: null, results: [{ type: 'ok' }] })
    expect((await pipeline(two, 'ROLLBACK')).body).toMatchObject({ baton: null, results: [{ type: 'ok' }] })
    const { balanceNanoUsd, spend } = await billing(open)
    const used = spend.requests.quantity * 500 + spend.rowsRead.quantity * 5 + spend.rowsWritten.quantity * 2_000
    expect(Number(balanceNanoUsd)).toBe(CREDIT_NANO - used)
    expect(Number(balanceNanoUsd)).toBeGreaterThan(-500)
  })

  test('at zero still replays a write that succeeded', async () => {
    const retry = await platform.createNamespace('retry')
    const db = retry.db()
    const create = () => db.query('CREATE TABLE t (x)', [], { 'Idempotency-Key': 'create' })
    const first = await create()
    await spendAll(retry, ['main'], 1)
    expect((await db.query('SELECT 1')).status).toBe(402)
    const again = await create()
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(again.body).toEqual(first.body)
    expect(Number((await billing(retry)).balanceNanoUsd)).toBeGreaterThanOrEqual(0)
    expect((await db.query('SELECT 2', [], { 'Idempotency-Key': 'create' })).status).toBe(422)
  })

  test('at zero stops every billed call, and leaves billing in reach', async () => {
    const one = await platform.createNamespace('one')
    for (const path of ['/v1/db/one/main/tables', '/v1/tokens', '/v1/databases', '/v1/me']) {
      expect([path, (await platform.request(path, { token: one.token })).status]).toEqual([path, 402])
    }
    expect((await platform.request('/v1/billing', { token: one.token })).status).toBe(200)
    expect((await platform.request('/v1/usage', { token: one.token })).status).toBe(200)
    const topUp = await platform.request('/v1/billing/topup', { token: one.token, body: { amountUsd: 25 } })
    expect(topUp.body.code).toBe('payments_unavailable')
  })
})

test('32 clients over 8 databases: the overdraft is what was in flight, 402 is everywhere, and a credit resumes all', async () => {
  const crowd = await platform.createNamespace('crowd')
  const operator = (body: object) =>
    platform.request('/api/operator/namespaces/crowd/credit', { token: platform.secret, body })
  const databases = Array.from({ length: 8 }, (_, i) => crowd.db(`db${i}`))
  await operator({ amountUsd: 0.01, note: 'to start with' })
  for (const db of databases) await db.query('CREATE TABLE t (x)')
  let running = true
  const last = new Map<number, number>()
  const clients = Array.from({ length: 32 }, async (_, i) => {
    while (running)
      last.set(
        i,
        (await (databases[i % 8] as (typeof databases)[0]).query('INSERT INTO t VALUES (1), (2), (3)')).status,
      )
  })
  const all = (status: number) => () => [...last.values()].every((one) => one === status) && last.size === 32
  await expect.poll(all(402)).toBe(true)
  const { balanceNanoUsd } = await billing(crowd)
  // A request in flight was covered for its own price; its three rows were not.
  expect(Number(balanceNanoUsd)).toBeLessThan(500)
  expect(Number(balanceNanoUsd)).toBeGreaterThan(-32 * 3 * 2_000)
  await operator({ amountUsd: 100, note: 'filled' })
  await expect.poll(all(200)).toBe(true)
  running = false
  await Promise.all(clients)
  const { spend, balanceNanoUsd: left } = await billing(crowd)
  const used = spend.requests.quantity * 500 + spend.rowsRead.quantity * 5 + spend.rowsWritten.quantity * 2_000
  expect(Number(left)).toBe(CREDIT_NANO + 10_000_000 + 100_000_000_000 - used)
})

test('a 402 speaks both generations of x402', async () => {
  const one = await platform.createNamespace('one')
  const { status, headers, body } = await one.db().query('SELECT 1')
  expect(status).toBe(402)
  expect(body).toMatchObject({ success: false, error: 'Insufficient balance', code: 'insufficient_balance' })
  const url = `${platform.url}/v1/billing/topup`
  const first = validatePaymentRequired(body)
  expect(first).toMatchObject({
    x402Version: 1,
    accepts: [
      {
        resource: url,
        maxAmountRequired: '2500',
        outputSchema: { input: { method: 'POST', bodyFields: { amountUsd: 'number' } } },
      },
    ],
  })
  const second = validatePaymentRequired(decodePaymentRequiredHeader(headers.get('payment-required') ?? ''))
  expect(second).toMatchObject({
    x402Version: 2,
    resource: { url },
    accepts: [{ amount: '2500', network: 'fiat:usd' }],
  })
})

describe('usage', () => {
  test('is exact right after a call, and stays when its database goes', async () => {
    const gone = await platform.createNamespace('gone')
    for (let i = 0; i < 5; i++) await gone.db().query('SELECT 1')
    const usage = async () => (await platform.request('/v1/usage', { token: gone.token })).body.data
    expect((await usage()).databases).toEqual([
      { slug: 'main', requests: 5, rowsRead: 0, rowsWritten: 0, costUsd: 0.0000025 },
    ])
    const deleted = await platform.request('/v1/databases/main', { token: gone.token, method: 'DELETE' })
    expect(deleted.body).toEqual({ success: true, data: { deleted: true } })
    await gone.db().query('SELECT 1')
    expect((await usage()).spend.requests.quantity).toBe(7)
    expect((await usage()).databases.map(({ requests }: { requests: number }) => requests)).toEqual([5, 1])
  })

  test('survives a stop in the middle', async () => {
    const kept = await platform.createNamespace('kept')
    await kept.db().batch([{ sql: 'CREATE TABLE t (x)' }, { sql: 'INSERT INTO t VALUES (1)' }])
    const before = (await platform.request('/v1/usage', { token: kept.token })).body.data
    await platform.restart()
    expect((await platform.request('/v1/usage', { token: kept.token })).body.data).toEqual(before)
  })
})

test('every warm database rejects a revoked token immediately', async () => {
  const rich = await platform.createNamespace('revoked')
  const minted = await platform.request('/v1/tokens', { token: rich.token, body: { name: 'x', role: 'admin' } })
  const { id, token } = minted.body.data
  const databases = Array.from({ length: 6 }, (_, i) => platform.database('revoked', `db${i}`, token))
  for (const db of databases) expect((await db.query('SELECT 1')).status).toBe(200)
  await platform.request(`/v1/tokens/${id}`, { token: rich.token, method: 'DELETE' })
  for (const db of databases) expect((await db.query('SELECT 1')).body.code).toBe('token_unknown')
  expect((await rich.db('db0').query('SELECT 1')).status).toBe(200)
})
