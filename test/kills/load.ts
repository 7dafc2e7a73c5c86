import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Answer, PlatformClient } from '../harness.ts'
import { type Receiver, startReceiver } from '../webhook-receiver.ts'

type Database = ReturnType<PlatformClient['database']>
type Statement = { sql: string; params: unknown[] }

const INTERVAL_S = 600
const PAUSE_MS = 3
/** Nano-dollars, as the price list has them; on purpose not imported. */
const PRICE = { requests: 500, rowsRead: 5, rowsWritten: 2_000 }
const BYTE_HOURS_PER_NANO = 1_800
const LONG_READ =
  'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT (SELECT count(*) FROM writes), max(i) FROM n'

/** A call that got no answer, or an answer that its result is unknown. */
export interface Failure {
  /** The cell that was called. */
  readonly via: number
  readonly cause: string
}

interface LoadOptions {
  /** The cells of the instance, each of which is called. */
  readonly cells: readonly PlatformClient[]
  readonly namespace: string
  readonly token: string
  readonly random: () => number
}

/**
 * Numbered writes to one database, with and without idempotency keys, reads, a webhook and a schedule. Everything is counted, so
 * that `verify` finds each row that is lost or there twice, and each call that is billed wrongly.
 */
export class Load {
  readonly #options: LoadOptions
  readonly #databases: readonly Database[]
  readonly #receiver: Receiver
  /** The number of rows of each call, by the ID in its rows: those that were answered, and those that may have run. */
  readonly #acknowledged = new Map<string, number>()
  readonly #unknown = new Map<string, number>()
  #failures: Failure[] = []
  #hasFailed = false
  #attempts = 0
  #answers = 0
  #serial = 0
  #setupRows = 0
  #isOver = false
  #running: Promise<unknown> = Promise.resolve()
  #error: unknown

  private constructor(options: LoadOptions, receiver: Receiver) {
    this.#options = options
    this.#receiver = receiver
    this.#databases = options.cells.map((cell) => cell.database(options.namespace, 'load', options.token))
  }

  /** Creates tables, a webhook and a schedule, and starts the load. */
  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options, await startReceiver())
    await load.#prepare()
    const clients = [load.#writeWithKeys(), load.#writeWithKeys(), load.#writeOnce(), load.#writeOnce()]
    load.#running = Promise.all([...clients, load.#batches(), load.#readElsewhere(), load.#writeEvents()]).catch(
      (cause) => {
        load.#error = cause
        load.#isOver = true
      },
    )
    return load
  }

  /** The number of calls that were answered and wrote rows. */
  get acknowledged(): number {
    return this.#acknowledged.size
  }

  /** Returns the failures since the last call. */
  takeFailures(): Failure[] {
    const failures = this.#failures
    this.#failures = []
    return failures
  }

  /** Waits until this number of further writes is acknowledged. @throws Error of a client */
  async proceeds(count = 5): Promise<void> {
    const before = this.acknowledged
    while (this.acknowledged < before + count && this.#error === undefined) await delay(5)
    if (this.#error !== undefined) throw this.#error
  }

  /** Waits until the schedule has run this number of times, and checks that it did not run more often. */
  async ticked(count: number): Promise<void> {
    await expect.poll(() => this.#value('SELECT count(*) FROM ticks')).toBe(count)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    if (this.#error !== undefined) throw this.#error
  }

  /** Releases what the load holds, also after a failure. */
  async close(): Promise<void> {
    this.#isOver = true
    await this.#running
    await this.#receiver.stop()
  }

  /** Checks rows, webhook, schedule and money after `stop`. */
  async verify(ticks: number): Promise<{ writes: number; unknown: number; happened: number }> {
    const rows = await this.#rows('SELECT id, count(*), count(DISTINCT part) FROM writes GROUP BY id')
    const found = new Map(rows.map(([id, count, parts]) => [id as string, [count, parts] as [number, number]]))
    const wrong = [...this.#acknowledged].filter(([id, count]) => String(found.get(id)) !== String([count, count]))
    expect(wrong.map(([id, count]) => ({ id, count, found: found.get(id) }))).toEqual([])
    const half = [...this.#unknown].filter(
      ([id, count]) => String(found.get(id) ?? [count, count]) !== String([count, count]),
    )
    expect(half.map(([id, count]) => ({ id, count, found: found.get(id) }))).toEqual([])
    expect([...found.keys()].filter((id) => !this.#acknowledged.has(id) && !this.#unknown.has(id))).toEqual([])
    await this.ticked(ticks)
    const events = (await this.#rows('SELECT id FROM events ORDER BY id')).flat() as string[]
    expect(new Set(events).size).toBe(events.length)
    await this.#delivered(events.length)
    const stored = rows.reduce((sum, [, count]) => sum + (count as number), 0) + ticks + events.length
    await this.#isBilled(stored, found.size + ticks + events.length, ticks)
    return {
      writes: found.size,
      unknown: this.#unknown.size,
      happened: [...this.#unknown.keys()].filter((id) => found.has(id)).length,
    }
  }

  async #prepare(): Promise<void> {
    const tables = ['CREATE TABLE writes (id TEXT, part)', 'CREATE TABLE events (id TEXT)', 'CREATE TABLE ticks (n)']
    for (const sql of tables) this.#setupRows += (await this.#answered((db) => db.query(sql))).body.meta.rowsWritten
    const hook = { name: 'events', url: this.#receiver.url, tables: ['events'], events: ['insert'] }
    await this.#answered((db) => db.request('/webhooks', { body: hook }))
    const schedule = { name: 'ticks', sql: 'INSERT INTO ticks VALUES (1)', intervalSec: INTERVAL_S }
    await this.#answered((db) => db.request('/schedules', { body: schedule }))
  }

  /** Sends each write again until it is answered, as clients with idempotency keys do. */
  async #writeWithKeys(): Promise<void> {
    while (!this.#isOver) {
      const id = this.#nextId('keyed')
      await this.#answered((db) => db.query(insert(id).sql, insert(id).params, { 'Idempotency-Key': id }))
      await this.#wrote(id, 1)
    }
  }

  /** Sends each write once. */
  async #writeOnce(): Promise<void> {
    while (!this.#isOver) {
      const id = this.#nextId('once')
      const { sql, params } = insert(id)
      if (await this.#send((db) => db.query(sql, params))) await this.#wrote(id, 1)
      else this.#unknown.set(id, 1)
    }
  }

  /** Sends batches in transactions, every other one with an idempotency key. */
  async #batches(): Promise<void> {
    for (let hasKey = false; !this.#isOver; hasKey = !hasKey) {
      const id = this.#nextId('batch')
      const statements = [insert(id, 0), insert(id, 1), insert(id, 2)]
      const key = hasKey ? { 'Idempotency-Key': id } : undefined
      const send = (db: Database) => db.batch(statements, { transaction: true }, key)
      const answer = hasKey ? await this.#answered(send) : await this.#send(send)
      if (answer) await this.#wrote(id, 3)
      else this.#unknown.set(id, 3)
    }
  }

  /** Reads in a reader, which sees each write that was acknowledged before. */
  async #readElsewhere(): Promise<void> {
    while (!this.#isOver) {
      const before = [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0)
      const answer = await this.#send((db) => db.query(LONG_READ), [200, 429])
      if (answer?.status !== 200) continue
      const [count, last] = answer.body.data.rows[0]
      expect(count).toBeGreaterThanOrEqual(before)
      expect(last).toBe(20_000)
    }
  }

  async #writeEvents(): Promise<void> {
    while (!this.#isOver) {
      const id = this.#nextId('event')
      await this.#answered((db) => db.query('INSERT INTO events VALUES (?)', [id], { 'Idempotency-Key': id }))
      await delay(100)
    }
  }

  /** Records a write, and sometimes checks that it can be read. */
  async #wrote(id: string, rows: number): Promise<void> {
    this.#acknowledged.set(id, rows)
    if (this.#options.random() < 0.1) {
      const read = await this.#send((db) => db.query('SELECT count(*) FROM writes WHERE rowid > 0 AND id = ?', [id]))
      if (read) expect([id, read.body.data.rows[0][0]]).toEqual([id, rows])
    }
    await delay(PAUSE_MS)
  }

  /** Sends a call to one of the cells. Returns `undefined` if its result is unknown. @throws Error for another answer */
  async #send(call: (db: Database) => Promise<Answer>, expected = [200]): Promise<Answer | undefined> {
    const via = Math.floor(this.#options.random() * this.#databases.length)
    this.#attempts++
    let answer: Answer
    try {
      answer = await call(this.#databases[via] as Database)
    } catch (cause) {
      // `fetch` throws a TypeError for a broken connection.
      if (!(cause instanceof TypeError)) throw cause
      return this.#fail(via, 'no answer')
    }
    if (answer.status === 200) this.#answers++
    if (expected.includes(answer.status)) return answer
    if (answer.status !== 503) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    return this.#fail(via, answer.body.code)
  }

  async #fail(via: number, cause: string): Promise<undefined> {
    this.#hasFailed = true
    this.#failures.push({ via, cause })
    await delay(10)
  }

  async #answered(call: (db: Database) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const answer = await this.#send(call)
      if (answer) return answer
    }
  }

  async #rows(sql: string): Promise<unknown[][]> {
    return (await this.#answered((db) => db.query(sql))).body.data.rows
  }

  async #value(sql: string): Promise<unknown> {
    return (await this.#rows(sql))[0]?.[0]
  }

  readonly #nextId = (kind: string): string => `${kind}-${this.#serial++}`

  /** Waits until the webhook has received each event, under one ID however often it was sent. */
  async #delivered(count: number): Promise<void> {
    const ids = () => new Set(this.#receiver.received.map(({ body }) => body.id)).size
    await expect.poll(ids).toBe(count)
  }

  /**
   * Checks the bill: each row that is stored, and no other, is billed as written, and each call that wrote is billed as a
   * request. Everything else that was sent may be billed.
   */
  async #isBilled(rows: number, writes: number, ticks: number): Promise<void> {
    const { namespace, token, cells } = this.#options
    const [cell] = cells as [PlatformClient]
    const usage = (await cell.request('/v1/usage', { token })).body.data
    const used = usage.databases.find(({ slug }: { slug: string }) => slug === 'load')
    expect({ namespace, rowsWritten: used.rowsWritten }).toEqual({ namespace, rowsWritten: rows + this.#setupRows })
    expect(used.requests).toBeGreaterThanOrEqual(writes)
    expect(used.requests).toBeLessThanOrEqual(this.#attempts + ticks)
    if (!this.#hasFailed) expect(used.requests).toBe(this.#answers + ticks)
    const { spend, balanceNanoUsd, ledger } = (await cell.request('/v1/billing', { token })).body.data
    const cost =
      spend.requests.quantity * PRICE.requests +
      spend.rowsRead.quantity * PRICE.rowsRead +
      spend.rowsWritten.quantity * PRICE.rowsWritten +
      Math.floor(spend.storageByteHours.quantity / BYTE_HOURS_PER_NANO)
    const paid = ledger.reduce(
      (sum: number, { kind, amountUsd }: { kind: string; amountUsd: number }) =>
        sum + (kind === 'usage' ? 0 : amountUsd),
      0,
    )
    expect(Number(balanceNanoUsd)).toBe(Math.round(paid * 1e9) - cost)
  }
}

const insert = (id: string, part = 0): Statement => ({ sql: 'INSERT INTO writes VALUES (?, ?)', params: [id, part] })
