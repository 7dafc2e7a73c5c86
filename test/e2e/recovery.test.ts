import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const KILLS = 20
const DATABASES = ['one', 'two', 'three']
const CLIENTS = 12
/** Nano-dollars, as the price list has them; on purpose not imported. */
const PRICE = { requests: 500, rowsRead: 5, rowsWritten: 2_000 }

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme', 'one')
})
afterAll(() => platform.stop())

interface Tally {
  requests: number
  rowsRead: number
  rowsWritten: number
}

test('kill -9 again and again loses nothing acknowledged and repeats nothing retried', async () => {
  const written = new Map<string, string[]>(DATABASES.map((name) => [name, []]))
  const acknowledged = new Map<string, Tally>(
    DATABASES.map((name) => [name, { requests: 0, rowsRead: 0, rowsWritten: 0 }]),
  )
  const attempts = new Map<string, number>(DATABASES.map((name) => [name, 0]))
  for (const name of DATABASES) {
    const made = await acme.db(name).query('CREATE TABLE writes (id TEXT, n INTEGER)')
    count(acknowledged.get(name) as Tally, made.body.meta)
    attempts.set(name, 1)
  }

  const lostReads = new Map<string, number>()
  let stopping = false
  let serial = 0
  const client = async (index: number) => {
    while (!stopping) {
      const name = DATABASES[index % DATABASES.length] as string
      const db = acme.db(name)
      const n = serial++
      const id = `w${n}`
      const kind = n % 4
      const key: Record<string, string> =
        kind === 2 ? { 'Plan-Key': `plan${index}`, 'Plan-Step': id } : { 'Idempotency-Key': id }
      const insert = (part: string) => ({ sql: 'INSERT INTO writes VALUES (?, ?)', params: [id + part, n] })
      let tries = 0
      const send = () => {
        tries++
        attempts.set(name, (attempts.get(name) ?? 0) + 1)
        if (kind === 3) return db.query('SELECT count(*) FROM writes WHERE n = ?', [n])
        if (kind === 1) return db.batch([insert('a'), insert('b')], { transaction: true }, key)
        return db.query(insert('').sql, insert('').params, key)
      }
      const answer = await untilAnswered(send)
      const tally = acknowledged.get(name) as Tally
      if (answer.headers.get('idempotency-replayed') || answer.headers.get('plan-replayed')) {
        // The write was charged when it happened, with its own request; the replay is one more.
        tally.requests += 1
      }
      count(tally, answer.body.meta)
      if (kind === 3) lostReads.set(name, (lostReads.get(name) ?? 0) + tries - 1)
      if (kind === 1) written.get(name)?.push(`${id}a`, `${id}b`)
      else if (kind !== 3) written.get(name)?.push(id)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)))
  for (let kill = 0; kill < KILLS; kill++) {
    const before = serial
    while (serial < before + 40) await sleep(5)
    await sleep(kill * 7)
    await platform.kill()
    await platform.restart()
  }
  stopping = true
  await clients

  const usage = await platform.request('/v1/usage', { token: acme.token })
  const billing = await platform.request('/v1/billing', { token: acme.token })
  for (const name of DATABASES) {
    const { body } = await acme.db(name).query('SELECT id, count(*) FROM writes GROUP BY id')
    const found = new Map<string, number>(body.data.rows)
    const expected = written.get(name) as string[]
    expect(expected.filter((id) => found.get(id) !== 1)).toEqual([])
    expect(found.size).toBe(expected.length)

    const metered = usage.body.data.databases.find((item: { slug: string }) => item.slug === name)
    const tally = acknowledged.get(name) as Tally
    expect(metered.rowsWritten).toBe(tally.rowsWritten)
    // A crash can lose the metered reads since the last save, in the customer's favor, but counts nothing twice. A read
    // whose response was lost also counts, with at most all rows.
    expect(metered.rowsRead).toBeLessThanOrEqual(tally.rowsRead + (lostReads.get(name) ?? 0) * expected.length)
    expect(metered.requests).toBeLessThanOrEqual(attempts.get(name) as number)
    expect(metered.requests).toBeGreaterThanOrEqual(expected.length / 2)
  }

  const { spend, ledger, balanceNanoUsd } = billing.body.data
  const used =
    spend.requests.quantity * PRICE.requests +
    spend.rowsRead.quantity * PRICE.rowsRead +
    spend.rowsWritten.quantity * PRICE.rowsWritten
  const posted = ledger.filter((entry: { kind: string }) => entry.kind !== 'usage')
  const paidIn = posted.reduce(
    (sum: number, { amountUsd }: { amountUsd: number }) => sum + Math.round(amountUsd * 1e9),
    0,
  )
  expect(Number(balanceNanoUsd)).toBe(paidIn - used)
})

function count(tally: Tally, meta: Tally): void {
  tally.requests += 1
  tally.rowsRead += meta.rowsRead
  tally.rowsWritten += meta.rowsWritten
}

/** Sends again, as a client with an idempotency key would, until there is an answer. */
async function untilAnswered<T extends { status: number; body: unknown }>(send: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const answer = await send()
      if (answer.status === 200) return answer
      if (answer.status !== 503) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    } catch (error) {
      // `fetch` throws a TypeError for a broken connection.
      if (!(error instanceof TypeError)) throw error
    }
    await sleep(10)
  }
}
