import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { batch, chain, close, execute, LibsqlClient } from '../libsql-client.ts'
import { Tx } from '../transactions.ts'

let platform: TestPlatform

beforeAll(async () => {
  platform = await startPlatform({ environment: { QUERY_TIMEOUT_S: '2' }, failures: ['unavailable'] })
})
afterAll(() => platform.stop())

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE DEFAULT (hex(randomblob(8))))'
const insert = (value: string) => `INSERT INTO t (v) VALUES ('${value}')`
/** The first write of a transaction: one that can be repeated, and one because of which the transaction is continued. */
const FIRST = { repeated: insert('first'), continued: 'INSERT INTO t DEFAULT VALUES' } as const
type Way = keyof typeof FIRST

/** A database in a namespace of its own, with a transaction that has answered some steps. */
interface Case {
  readonly name: string
  readonly token: string
  readonly db: Awaited<ReturnType<TestPlatform['createNamespace']>>['db'] extends (...args: never[]) => infer D
    ? D
    : never
  readonly tx: Tx
}

let cases = 0

/** Opens a transaction and runs steps in it. Returns it when the last one is answered. */
async function open(way: Way, on = platform): Promise<Case> {
  const name = `${way}-${++cases}`
  const { token, make } = await on.createNamespace(name)
  const db = await make(TABLE, insert('old'))
  const opened = await db.request('/transactions', { body: { statements: [{ sql: FIRST[way] }] } })
  expect(opened.status).toBe(201)
  const tx = new Tx(db, opened.body.data.id)
  for (const value of ['a', 'b', 'c']) await tx.run(insert(value))
  await tx.run('SELECT v FROM t')
  await tx.send(insert('old'))
  tx.step++
  return { name, token, db, tx }
}

/** Returns the requests and rows that a namespace has paid for. */
async function readSpend(token: string, on = platform): Promise<number[]> {
  const { spend } = (await on.request('/v1/billing', { token })).body.data
  return [spend.requests.quantity, spend.rowsRead.quantity, spend.rowsWritten.quantity]
}

/** A read that ends its object, because it returns rows in time to be stopped. */
const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 10000 = 0'

interface Ending {
  /** Runs before the end, and its response is billed. */
  readonly end?: (tx: Tx) => Promise<unknown>
  readonly kills: number
  /** A call after the end; a write by default. */
  readonly later?: (of: Case) => Promise<unknown>
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  'a kill after its steps': { kills: 1 },
  'a kill after its rollback': { end: (tx) => tx.rollback(), kills: 1 },
  'a kill after a commit that failed': { end: (tx) => tx.commit([{ sql: insert('old') }]), kills: 1 },
  'a kill after its commit': { end: (tx) => tx.commit([{ sql: insert('d') }]), kills: 1 },
  'two kills': { kills: 2 },
  'the end of its object': { end: (tx) => tx.send(ENDLESS), kills: 0 },
  'the deletion of its database': { kills: 0, later: deleteDatabase },
  'a kill, and the deletion of its database': { kills: 1, later: deleteDatabase },
}

function deleteDatabase({ db, token }: Case): Promise<unknown> {
  return platform.request(`/v1/databases/${db.slug}`, { token, method: 'DELETE' })
}

async function killAndRestart(): Promise<void> {
  await platform.kill()
  await platform.restart()
}

describe('a continued transaction costs what a repeated one costs after', () => {
  test.each(Object.entries(ENDINGS))('%s', async (_, { end, kills, later = ({ db }) => db.query(insert('later')) }) => {
    const [repeated, continued] = [await open('repeated'), await open('continued')]
    const codes = []
    for (const { tx } of [repeated, continued])
      codes.push(((await end?.(tx)) as { body?: { code?: string } })?.body?.code)
    expect(codes[1]).toEqual(codes[0])
    const expected = await readSpend(repeated.token)
    for (let kill = 0; kill < kills; kill++) {
      await killAndRestart()
      expect(await readSpend(continued.token)).toEqual(expected)
    }
    // Later usage is billed too, and not only when it exceeds what the transaction used.
    for (const of of [repeated, continued]) await later(of)
    expect(await readSpend(continued.token)).toEqual(await readSpend(repeated.token))
  })
})

test('what a libSQL transaction answered is billed after a kill', async () => {
  const spent: number[][] = []
  for (const way of ['repeated', 'continued'] as const) {
    const { token, make } = await platform.createNamespace(`libsql-${way}`)
    const db = await make(TABLE)
    const client = new LibsqlClient(`${platform.url}/libsql/libsql-${way}/${db.slug}/`, token)
    const { baton } = await client.pipeline([batch(chain('BEGIN', FIRST[way]))])
    const next = await client.pipeline([execute(insert('a')), execute(insert('b'))], baton)
    await client.pipeline([execute('ROLLBACK'), execute(insert('c')), close], next.baton)
    if (way === 'continued') await killAndRestart()
    spent.push(await readSpend(token))
  }
  expect(spent[1]).toEqual(spent[0])
})

test('what a continued transaction answered is billed after its last statement ended the process', async () => {
  const watched = await startPlatform({
    watchdog: true,
    environment: { QUERY_TIMEOUT_S: '2' },
    failures: ['unavailable'],
  })
  const repeated = await open('repeated', watched)
  const [requests = 0, ...rows] = await readSpend(repeated.token, watched)
  await repeated.tx.rollback()
  const { tx, token } = await open('continued', watched)
  const endless = 'WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c'
  await tx.send(endless).catch(() => {})
  // The launcher reports the stopped statement after the restart.
  const spend = () => readSpend(token, watched).catch(() => undefined)
  await expect.poll(spend, { timeout: 60_000 }).toEqual([requests + 1, ...rows])
  await watched.stop()
})
