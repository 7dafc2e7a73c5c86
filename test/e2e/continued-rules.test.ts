import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { openTransactions, Tx } from '../transactions.ts'

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
const ns = uniqueName('alone')

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

type Db = Awaited<ReturnType<typeof acme.make>>
const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT DEFAULT (hex(randomblob(8))))'
const RANDOM = 'INSERT INTO t DEFAULT VALUES'

/** Opens a transaction that is continued. */
async function begin(db: Db): Promise<Tx> {
  const { status, body } = await db.request('/transactions', { body: { statements: [{ sql: RANDOM }] } })
  expect([status, body.code]).toEqual([201, undefined])
  return new Tx(db, body.data.id)
}
const count = async (db: Db) => (await db.query('SELECT count(*) FROM t')).body.data.rows[0][0]

describe('when the credit ends in a continued transaction', () => {
  test.each([
    ['it can be committed', 'commit', 200],
    ['it can be rolled back', 'rollback', 200],
  ] as const)('%s', async (_, end, status) => {
    const name = uniqueName('poor')
    const poor = await platform.createNamespace(name)
    const { balanceUsd } = (await platform.request('/v1/billing', { token: poor.token })).body.data
    const amountUsd = Number((0.05 - balanceUsd).toFixed(9))
    const body = { amountUsd, ref: name, note: 'test' }
    const path = `/api/operator/namespaces/${name}/credit`
    expect((await platform.request(path, { token: platform.secret, method: 'POST', body })).status).toBe(200)
    const db = await poor.make(TABLE)
    const tx = await begin(db)
    const many =
      'INSERT INTO t (v) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n'
    let written = 1
    for (;;) {
      const answer = await tx.send(many)
      if (answer.status !== 200) {
        expect([answer.status, answer.body.code]).toEqual([402, 'insufficient_balance'])
        break
      }
      tx.step++
      written += 2_000
    }
    expect((await tx[end]()).status).toBe(status)
    const billing = (await platform.request('/v1/billing', { token: poor.token })).body.data
    expect(billing.spend.rowsWritten.quantity).toBeGreaterThanOrEqual(written)
    expect(billing.balanceUsd).toBeLessThan(0.001)
    await platform.request(path, {
      token: platform.secret,
      method: 'POST',
      body: { ...body, amountUsd: 1, ref: `${name}-2` },
    })
    await expect.poll(async () => (await db.query('SELECT 1')).status).toBe(200)
    expect(await count(db)).toBe(end === 'commit' ? written : 0)
  })
})

test('a readonly token continues no transaction, and neither holds up nor changes the database', async () => {
  const db = await acme.make(TABLE)
  const { body } = await platform.request('/v1/tokens', { token: acme.token, body: { name: 'r', role: 'readonly' } })
  const reader = platform.database(ns, db.slug, body.data.token)
  const refused = await reader.request('/transactions', { body: { statements: [{ sql: RANDOM }] } })
  expect([refused.status, refused.body.code]).toEqual([403, 'role_insufficient'])
  const tx = await openTransactions(reader).begin('write')
  expect((await tx.send(RANDOM)).body.code).toBe('role_insufficient')
  tx.step++
  // A read with a random function isn't repeated.
  expect((await tx.run('SELECT count(*), random() % 10 FROM t')).rows[0]?.[0]).toBe(0)
  expect((await db.query(RANDOM)).status).toBe(200)
  expect((await tx.commit()).status).toBe(200)
  expect(await count(db)).toBe(1)
})

test('the deletion of a database ends its continued transaction, which would hold it for 5 s otherwise', async () => {
  const db = await acme.make(TABLE)
  const tx = await begin(db)
  const path = `/v1/databases/${db.slug}`
  const deleted = platform.request(path, { token: acme.token, method: 'DELETE' })
  let answer = await tx.send(RANDOM)
  while (answer.status === 200) {
    tx.step++
    answer = await tx.send(RANDOM)
  }
  const { status, body } = answer
  expect([
    [410, 'transaction_expired', 'deleted'],
    [404, 'database_not_found', undefined],
  ]).toContainEqual([status, body.code, body.reason])
  expect((await deleted).status).toBe(200)
})
