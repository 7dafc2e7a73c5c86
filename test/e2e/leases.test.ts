import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

const DATABASES = Array.from({ length: 8 }, (_, i) => `db${i}`)
const CLIENTS = 16

type Namespace = Awaited<ReturnType<TestPlatform['createNamespace']>>

/** Sends calls from many clients until `stop`, each client in its own loop. */
function load(send: (client: number) => Promise<Answer>, seen: (answer: Answer, sentAtMs: number) => void) {
  let stopping = false
  const client = async (index: number) => {
    while (!stopping) {
      const sentAtMs = performance.now()
      seen(await send(index), sentAtMs)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)))
  const stop = async () => {
    stopping = true
    await clients
  }
  return { stop }
}

const usage = async (platform: TestPlatform, { token }: Namespace) =>
  (await platform.request('/v1/usage', { token })).body.data
const billing = async (platform: TestPlatform, { token }: Namespace) =>
  (await platform.request('/v1/billing', { token })).body.data

describe('with credit', () => {
  let platform: TestPlatform
  beforeAll(async () => {
    platform = await startPlatform()
  })
  afterAll(() => platform.stop())

  test('a revoked token is refused from the answer on, by databases under load too', async () => {
    const owner = await platform.createNamespace('revoke')
    const minted = await platform.request('/v1/tokens', { token: owner.token, body: { name: 'x', role: 'admin' } })
    const { id, token } = minted.body.data
    const seen: { sentAtMs: number; status: number }[] = []
    const clients = load(
      (client) => platform.database('revoke', DATABASES[client % 8] as string, token).query('SELECT 1'),
      ({ status }, sentAtMs) => seen.push({ sentAtMs, status }),
    )
    while (seen.length < 500) await sleep(1)
    await platform.request(`/v1/tokens/${id}`, { token: owner.token, method: 'DELETE' })
    const revokedAtMs = performance.now()
    const before = seen.length
    while (seen.length < before + 500) await sleep(1)
    await clients.stop()
    const after = seen.filter(({ sentAtMs }) => sentAtMs > revokedAtMs)
    expect(after.length).toBeGreaterThan(400)
    expect(after.filter(({ status }) => status !== 401)).toEqual([])
    // Its requests are charged as far as they were served, and the refused ones are not.
    const served = seen.filter(({ status }) => status === 200).length
    expect((await usage(platform, owner)).databases.reduce(sumRequests, 0)).toBe(served)
  })

  test('a database deleted and made again under load is charged for exactly what it served', async () => {
    const owner = await platform.createNamespace('again')
    const statuses = new Map<number, number>()
    const clients = load(
      (client) => owner.db(DATABASES[client % 2]).query('SELECT 1'),
      ({ status }) => statuses.set(status, (statuses.get(status) ?? 0) + 1),
    )
    for (let round = 0; round < 10; round++) {
      const path = `/v1/databases/${DATABASES[round % 2]}`
      const served = statuses.get(200) ?? 0
      while ((statuses.get(200) ?? 0) < served + 50) await sleep(1)
      expect((await platform.request(path, { token: owner.token, method: 'DELETE' })).status).toBe(200)
    }
    await clients.stop()
    // A call during the deletion fails without a charge.
    expect([...statuses.keys()].filter((status) => ![200, 404, 409].includes(status))).toEqual([])
    const { databases, spend } = await usage(platform, owner)
    expect(databases.reduce(sumRequests, 0)).toBe(statuses.get(200))
    expect(spend.requests.quantity).toBe((statuses.get(200) ?? 0) + 10)
  })

  test('writes to a recreated database survive concurrent deletions', async () => {
    const owner = await platform.createNamespace('anew')
    const remake = async (name: string) => {
      const path = `/v1/databases/${name}`
      expect((await platform.request(path, { token: owner.token, method: 'DELETE' })).status).toBe(200)
      const made = await owner.db(name).query('CREATE TABLE kept (x)')
      expect([name, made.status, made.body]).toMatchObject([name, 200, { success: true }])
    }
    for (let round = 0; round < 5; round++) {
      await Promise.all(DATABASES.map((name) => owner.db(name).query('SELECT 1')))
      await Promise.all(DATABASES.map(remake))
      for (const name of DATABASES) {
        const { body } = await owner.db(name).query('SELECT count(*) FROM kept')
        expect([round, name, body]).toMatchObject([round, name, { success: true }])
      }
    }
  })
})

describe('with hardly any credit', () => {
  const CREDIT_NANO = 400_000
  let platform: TestPlatform
  beforeAll(async () => {
    platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '0.0004' } })
  })
  afterAll(() => platform.stop())

  test('databases that come and go leave none of it behind and create none', async () => {
    const owner = await platform.createNamespace('churn')
    let served = 0
    let refusals = 0
    const clients = load(
      (client) => owner.db(DATABASES[client % 4]).query('SELECT 1'),
      ({ status }) => {
        if (status === 200) served++
        else if (status === 402) refusals++
        else expect([404, 409]).toContain(status)
      },
    )
    let deletions = 0
    for (let round = 0; refusals < 400; round++) {
      const path = `/v1/databases/${DATABASES[round % 4]}`
      const { status } = await platform.request(path, { token: owner.token, method: 'DELETE' })
      // Not found is charged as well, as any call with a valid token.
      if (status !== 402) deletions++
      expect([200, 402, 404]).toContain(status)
      await sleep(5)
    }
    await clients.stop()
    // Credit of the last deletions is allocated once the cached empty balance has expired.
    const spendAll = async () => {
      while ((await owner.db('db0').query('SELECT 1')).status === 200) served++
      return (served + deletions) * 500
    }
    await expect.poll(spendAll, { interval: 100 }).toBe(CREDIT_NANO)
    const { balanceNanoUsd, spend } = await billing(platform, owner)
    expect(balanceNanoUsd).toBe('0')
    expect(spend.requests.quantity * 500).toBe(CREDIT_NANO)
  })
})

const sumRequests = (sum: number, { requests }: { requests: number }) => sum + requests
