import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

const KILLS = 20
const CLIENTS = 12
const DATABASES = ['one', 'two', 'three', 'four']
/** Its clients send no keys: only the write itself can have saved what it is charged. */
const KEYLESS = 'four'
/** 2,400 inserts: the last kills come when it is gone. */
const CREDIT_NANO = 6_000_000
/** Nano-dollars, as the price list has them; on purpose not imported. */
const PRICE = { requests: 500, rowsRead: 5, rowsWritten: 2_000 }
const INSERT = 'INSERT INTO writes VALUES (?)'

let platform: TestPlatform
let scarce: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '0.006' } })
  scarce = await platform.createNamespace('scarce', 'one')
})
afterAll(() => platform.stop())

interface Final {
  answer: Answer
  /** Sendings without an answer: they may or may not have had their effect. */
  broken: number
}

/** The calls of clients to one database. Rows are those of writes; the outcome of interrupted writes is unknown. */
interface Known {
  attempts: number
  writes: number
  rows: number
  doubtfulRows: number
}

test('kill -9 while the last credit changes hands strands none of it, gives none away and writes nothing twice', async () => {
  const known = new Map<string, Known>()
  for (const name of DATABASES) {
    const made = await scarce.db(name).query('CREATE TABLE writes (id TEXT)')
    expect(made.status).toBe(200)
    known.set(name, { attempts: 1, writes: 1, rows: made.body.meta.rowsWritten, doubtfulRows: 0 })
  }

  let stopping = false
  let serial = 0
  let answered = 0
  const client = async (index: number) => {
    const name = DATABASES[index % DATABASES.length] as string
    const db = scarce.db(name)
    const of = known.get(name) as Known
    while (!stopping) {
      const id = `w${serial++}`
      const kind = name === KEYLESS ? 1 : serial % 3
      const key = name === KEYLESS ? undefined : { 'Idempotency-Key': id }
      const { answer, broken } = await untilAnswered(() => {
        of.attempts++
        if (kind === 0) return db.query('SELECT 1')
        if (kind === 1) return db.query(INSERT, [id], key)
        // The third statement fails; without a transaction the first two stay, and so does this answer.
        return db.batch([insert(`${id}a`), insert(`${id}b`), { sql: 'INSERT INTO nowhere VALUES (1)' }], {}, key)
      })
      answered++
      if (name === KEYLESS) of.doubtfulRows += broken
      if (kind === 0) expect([200, 402]).toContain(answer.status)
      else if (answer.status === 402) of.doubtfulRows += broken > 0 ? kind : 0
      else {
        if (kind === 1) expect([id, answer.status, answer.body.meta?.rowsWritten]).toEqual([id, 200, 1])
        else expect([id, answer.status, answer.body.applied]).toEqual([id, 400, 2])
        of.writes++
        of.rows += kind
      }
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)))
  for (let kill = 0; kill < KILLS; kill++) {
    const before = answered
    while (answered < before + 130) await sleep(2)
    await platform.kill()
    await platform.restart()
  }
  stopping = true
  await clients

  // Credit leases of the killed process are reclaimed on demand; an empty balance is cached for a moment.
  const spendAll = async () => {
    for (const name of DATABASES) {
      const of = known.get(name) as Known
      do of.attempts++
      while ((await scarce.db(name).query('SELECT 1')).status === 200)
    }
    return Number((await platform.request('/v1/billing', { token: scarce.token })).body.data.balanceNanoUsd)
  }
  await expect.poll(spendAll, { interval: 300 }).toBeLessThan(PRICE.requests)

  const { body } = await platform.request('/v1/usage', { token: scarce.token })
  for (const name of DATABASES) {
    const metered = body.data.databases.find(({ slug }: { slug: string }) => slug === name)
    const { attempts, writes, rows, doubtfulRows } = known.get(name) as Known
    expect(metered.rowsWritten).toBeGreaterThanOrEqual(rows)
    expect(metered.rowsWritten).toBeLessThanOrEqual(rows + doubtfulRows)
    expect(metered.requests).toBeGreaterThanOrEqual(writes)
    expect(metered.requests).toBeLessThanOrEqual(attempts)
  }

  const { spend, balanceNanoUsd } = (await platform.request('/v1/billing', { token: scarce.token })).body.data
  const used =
    spend.requests.quantity * PRICE.requests +
    spend.rowsRead.quantity * PRICE.rowsRead +
    spend.rowsWritten.quantity * PRICE.rowsWritten
  const balanceNano = Number(balanceNanoUsd)
  expect(balanceNano).toBe(CREDIT_NANO - used)
  expect(balanceNano).toBeLessThan(PRICE.requests)
  expect(balanceNano).toBeGreaterThanOrEqual(-DATABASES.length * 2 * PRICE.rowsWritten)
})

const insert = (id: string) => ({ sql: INSERT, params: [id] })

/** Sends again, as a client with an idempotency key would, until there is an answer. */
async function untilAnswered(send: () => Promise<Answer>): Promise<Final> {
  for (let broken = 0; ; broken++) {
    try {
      const answer = await send()
      if (answer.status !== 503) return { answer, broken }
    } catch (error) {
      // `fetch` throws a TypeError for a broken connection.
      if (!(error instanceof TypeError)) throw error
    }
    await sleep(10)
  }
}
