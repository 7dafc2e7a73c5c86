import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

type Db = Awaited<ReturnType<typeof acme.make>>
type Answer = Awaited<ReturnType<Db['request']>>

/** An action of a client, which moves one of the keys ahead by a plain batch or a transaction, or reads it. */
interface Action {
  readonly kind: 'batch' | 'transaction' | 'read' | 'revoked'
  readonly key: number
  readonly mode: 'deferred' | 'write'
  /** Whether the transaction is rolled back at its end. */
  readonly givesUp: boolean
  /** Whether its writes can't be repeated, so that the transaction is continued. */
  readonly isRandom: boolean
  readonly pauseMs: number
}

const KEYS = 2
const action = fc.record<Action>({
  kind: fc.constantFrom('batch', 'transaction', 'transaction', 'transaction', 'read', 'revoked'),
  key: fc.nat({ max: KEYS - 1 }),
  mode: fc.constantFrom('deferred', 'write'),
  givesUp: fc.boolean(),
  isRandom: fc.boolean(),
  pauseMs: fc.nat({ max: 10 }),
})

/** The record of a test run, with what every response said. */
class Model {
  readonly committed = new Set<string>()
  readonly refused = new Set<string>()
  rowsWritten = 0
  requests = 0
  /** Whether a response was lost, so that the model doesn't know its charge. */
  hasLost = false

  note({ body }: Answer): void {
    this.requests++
    this.rowsWritten += body?.meta?.rowsWritten ?? 0
  }
}

class Client {
  readonly #db: Db
  readonly #model: Model
  readonly #name: string
  #token: { id: string; token: string } | undefined
  #made = 0

  constructor(db: Db, model: Model, name: string) {
    this.#db = db
    this.#model = model
    this.#name = name
  }

  async act({ kind, key, mode, givesUp, isRandom, pauseMs }: Action): Promise<void> {
    const id = `${this.#name}.${++this.#made}`
    if (kind === 'batch') return this.#batch(id, key)
    const reads = kind === 'read'
    const opened = await this.#send('/transactions', { mode: reads ? 'read' : mode })
    if (opened?.status !== 201) return
    const tx = opened.body.data.id as string
    const step = (number: number, ...statements: object[]) =>
      this.#send(`/transactions/${tx}/statements`, { step: number, statements })
    const first = await step(1, { sql: 'SELECT v FROM pairs WHERE k = ? AND side = 0', params: [key] })
    await sleep(pauseMs)
    const second = await step(2, { sql: 'SELECT v FROM pairs WHERE k = ? AND side = 1', params: [key] })
    if (first?.status !== 200 || second?.status !== 200) return
    const seen = first.body.data.results[0].rows[0][0] as number
    // Both sides always change together.
    expect(second.body.data.results[0].rows).toEqual([[seen]])
    if (reads) return void (await this.#send(`/transactions/${tx}/rollback`))
    const written = await step(
      3,
      {
        sql: `UPDATE pairs SET v = ? ${isRandom ? '+ 0 * random()' : ''} WHERE k = ? AND side = 0`,
        params: [seen + 1, key],
      },
      { sql: 'UPDATE pairs SET v = ? WHERE k = ? AND side = 1', params: [seen + 1, key] },
    )
    if (written?.status !== 200) return void this.#model.refused.add(id)
    if (kind === 'revoked') await this.#revoke()
    const statements = [{ sql: 'INSERT INTO ledger VALUES (?, ?, ?)', params: [id, key, seen] }]
    if (givesUp) {
      await this.#send(`/transactions/${tx}/rollback`)
      return void this.#model.refused.add(id)
    }
    // The same commit again finds out what happened to one whose response was lost.
    for (;;) {
      const answer = await this.#send(`/transactions/${tx}/commit`, { statements })
      if (answer === undefined || answer.status >= 500) {
        await sleep(20)
        continue
      }
      return void (answer.status === 200 ? this.#model.committed : this.#model.refused).add(id)
    }
  }

  async #batch(id: string, key: number): Promise<void> {
    const statements = [
      { sql: 'INSERT INTO ledger SELECT ?, k, v FROM pairs WHERE k = ? AND side = 0', params: [id, key] },
      { sql: 'UPDATE pairs SET v = v + 1 WHERE k = ?', params: [key] },
    ]
    const headers = { 'Idempotency-Key': id }
    for (;;) {
      const answer = await this.#send('/batch', { statements, transaction: true }, headers)
      if (answer && answer.status < 500 && answer.status !== 409)
        return void (answer.status === 200 ? this.#model.committed : this.#model.refused).add(id)
      await sleep(20)
    }
  }

  /** Ends the token of this client in the middle of its transaction. */
  async #revoke(): Promise<void> {
    const token = this.#token
    if (!token) return
    for (;;) {
      const answer = await platform
        .request(`/v1/tokens/${token.id}`, { token: acme.token, method: 'DELETE' })
        .catch(() => undefined)
      if (answer && answer.status < 500) return
      await sleep(20)
    }
  }

  /** Sends a request with the token of the client. Returns `undefined` if the response is lost. */
  async #send(path: string, body: object = {}, headers: Record<string, string> = {}): Promise<Answer | undefined> {
    try {
      this.#token ??= await this.#mint()
      const db = platform.database('acme', this.#db.slug, this.#token.token)
      const answer = await db.request(path, { body, headers })
      this.#model.note(answer)
      // The next transaction needs another token; this commit doesn't.
      if (answer.status === 401 && path !== '/batch') this.#token = undefined
      if (answer.status >= 500) this.#model.hasLost = true
      return answer
    } catch {
      this.#model.hasLost = true
      return undefined
    }
  }

  async #mint(): Promise<{ id: string; token: string }> {
    const body = { name: this.#name, role: 'readwrite' }
    const answer = await platform.request('/v1/tokens', { token: acme.token, body })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    return answer.body.data
  }
}

const usage = async (slug: string) => {
  const { body } = await platform.request('/v1/usage', { token: acme.token })
  return body.data.databases.find((database: { slug: string }) => database.slug === slug)
}

/** Kills the platform and starts it again. */
async function kill(): Promise<void> {
  await platform.kill()
  await platform.restart()
}

test('a kill in the middle leaves nothing of a transaction, and a commit before a kill returns its response again', async () => {
  const db = await acme.make('CREATE TABLE t (v)')
  const open = async (value: number) => {
    const statements = [{ sql: 'INSERT INTO t VALUES (?)', params: [value] }]
    return (await db.request('/transactions', { body: { mode: 'deferred', statements } })).body.data.id as string
  }
  const first = await open(1)
  const commit = () => db.request(`/transactions/${first}/commit`, { body: {} })
  const committed = await commit()
  const second = await open(2)
  await kill()
  const again = await commit()
  expect([again.status, again.body, again.headers.get('Idempotency-Replayed')]).toEqual([200, committed.body, 'true'])
  for (const [path, status, code] of [
    [`${second}/commit`, 410, 'transaction_expired'],
    [`${second}/rollback`, 200, undefined],
    [`${first}/rollback`, 409, 'transaction_committed'],
  ] as const) {
    const answer = await db.request(`/transactions/${path}`, { body: {} })
    expect([path, answer.status, answer.body.code]).toEqual([path, status, code])
  }
  expect((await db.query('SELECT v FROM t')).body.data.rows).toEqual([[1]])
})

const RUNS = Number(process.env.RUNS ?? 3)

test('transactions, plain writes, kills and revocations: serializable, nothing lost, nothing twice, charges equal', async () => {
  const plans = fc.record({
    clients: fc.array(fc.array(action, { minLength: 2, maxLength: 6 }), { minLength: 3, maxLength: 6 }),
    killsAtMs: fc.option(fc.integer({ min: 20, max: 400 }), { freq: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(plans, async ({ clients, killsAtMs }) => {
      const model = new Model()
      const db = await acme.make(
        'CREATE TABLE pairs (k INTEGER, side INTEGER, v INTEGER, PRIMARY KEY (k, side)) WITHOUT ROWID',
        'CREATE TABLE ledger (id TEXT PRIMARY KEY, k INTEGER, seen INTEGER)',
        'INSERT INTO pairs VALUES (0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)',
      )
      const before = await usage(db.slug)
      const running = clients.map(async (actions, index) => {
        const client = new Client(db, model, `${db.slug}.${index}`)
        for (const each of actions) await client.act(each)
      })
      const killed = killsAtMs === null ? undefined : sleep(killsAtMs).then(kill)
      await Promise.all([...running, killed])

      const entries = (await db.query('SELECT id, k, seen FROM ledger ORDER BY k, seen')).body.data.rows
      const ids = entries.map(([id]: [string]) => id)
      expect(ids.sort()).toEqual([...model.committed].sort())
      expect(ids.filter((id: string) => model.refused.has(id))).toEqual([])
      const pairs = (await db.query('SELECT k, v FROM pairs ORDER BY k, side')).body.data.rows
      for (let key = 0; key < KEYS; key++) {
        const seen = entries
          .filter(([, k]: [string, number]) => k === key)
          .map(([, , v]: [string, number, number]) => v)
        // In a serial order, each write saw the state that the one before left.
        expect(seen.sort((a: number, b: number) => a - b)).toEqual(seen.map((_: number, i: number) => i))
        expect(pairs.filter(([k]: [number]) => k === key).map(([, v]: [number, number]) => v)).toEqual([
          seen.length,
          seen.length,
        ])
      }
      // A response that was lost can have been charged or not.
      if (model.hasLost) return
      const written = async () => (await usage(db.slug)).rowsWritten - before.rowsWritten
      await expect.poll(written).toBe(model.rowsWritten)
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
})
