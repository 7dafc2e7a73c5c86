import { expect } from 'vitest'
import type { PlatformClient } from '../harness.ts'
import { openTransactions } from '../transactions.ts'

/** The facts of a fixture that differ from those of others. */
export interface Made {
  /** The version of PerSQL that made it, and the format of its data. */
  readonly version: string
  readonly format: number
  readonly secret: string
  readonly adminToken: string
  readonly readerToken: string
  /** The balance of the namespace when it was made. */
  readonly balanceUsd: number
  /** The ID of a transaction that was committed, from format 5 on. */
  readonly transactionId?: string
}

const rows = [
  [1, 'A Wizard of Earthsea', 9007199254740991, { base64: '3q2+7w==' }, 4.5],
  [2, 'Naïve 本 📚', -1, null, null],
]
const endpoint = {
  slug: 'find-book',
  name: 'Find a book',
  kind: 'query',
  method: 'GET',
  sql: 'SELECT title FROM books WHERE id = ?',
  input: [{ name: 'id', type: 'integer', required: true }],
  output: 'rows',
}
const migration = { name: 'Add authors', sql: 'CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT)' }
const schedule = { name: 'weekly', sql: 'DELETE FROM books WHERE id = ?', params: [0], intervalSec: 604_800 }
const author = "INSERT INTO authors (name) VALUES ('Ursula K. Le Guin')"
const note = 'Fixture of upgrades'
const page = { name: 'page', role: 'readonly', origins: ['https://app.example.com'] }

/** Fills a new instance with the namespace `acme`. */
export async function fillContents(platform: PlatformClient): Promise<Omit<Made, 'version' | 'format'>> {
  const { token, db } = await platform.createNamespace('acme')
  const send = async (request: ReturnType<PlatformClient['request']>) => {
    const { status, body } = await request
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    return body.data
  }
  const main = db('main')
  await send(
    main.query('CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, number INTEGER, cover BLOB, stars REAL)'),
  )
  for (const row of rows) await send(main.query('INSERT INTO books VALUES (?, ?, ?, ?, ?)', row))
  await send(main.request('/endpoints', { body: endpoint }))
  await send(main.request('/endpoints/find-book/publish', { body: {} }))
  const { id } = await send(main.request('/migrations', { body: migration }))
  await send(main.request(`/migrations/${id}/apply`, { body: {} }))
  const transaction = await openTransactions(main).begin()
  await transaction.run(author)
  await send(transaction.commit())
  await send(main.request('/schedules', { body: schedule }))
  await send(main.request('/snapshots', { body: { label: 'kept' } }))
  await send(main.request('/branches/draft', { method: 'PUT', body: {} }))
  await send(platform.database('acme', 'main-draft', token).query("INSERT INTO books (id, title) VALUES (3, 'Draft')"))
  await send(main.query('UPDATE books SET stars = 5 WHERE id = 2'))
  const reader = await send(platform.request('/v1/tokens', { token, body: { name: 'reader', role: 'readonly' } }))
  await send(platform.request('/v1/tokens', { token, body: page }))
  const path = '/api/operator/namespaces/acme/credit'
  await send(platform.request(path, { token: platform.secret, body: { amountUsd: 7, note, ref: 'upgrade-fixture' } }))
  const { balanceUsd } = await send(platform.request('/v1/billing', { token }))
  const { id: transactionId } = transaction
  return { secret: platform.secret, adminToken: token, readerToken: reader.token, balanceUsd, transactionId }
}

/** Finds everything of `fillContents` in an instance. Fixtures stay as they are, so change this only with care. */
export async function checkContents(platform: PlatformClient, made: Made): Promise<void> {
  const { adminToken: token, readerToken } = made
  const find = async (request: ReturnType<PlatformClient['request']>) => {
    const { status, body } = await request
    expect([status, body.error]).toEqual([200, undefined])
    return body.data
  }
  const main = platform.database('acme', 'main', token)
  const reader = platform.database('acme', 'main', readerToken)
  const current = [rows[0], [...(rows[1] ?? []).slice(0, 4), 5]]
  expect((await find(reader.query('SELECT * FROM books ORDER BY id'))).rows).toEqual(current)
  expect((await reader.query('DELETE FROM books')).status).toBe(403)
  const { transactionId } = made
  const authors = (await find(main.query('SELECT name FROM authors'))).rows
  expect(authors).toEqual(transactionId === undefined ? [] : [['Ursula K. Le Guin']])
  const draft = platform.database('acme', 'main-draft', token)
  expect((await find(draft.query('SELECT title FROM books WHERE id = 3'))).rows).toEqual([['Draft']])

  expect((await find(platform.request('/p/acme/main/find-book?id=1'))).rows).toEqual([[rows[0]?.[1]]])
  expect(await find(main.request('/migrations'))).toMatchObject([
    { name: migration.name, appliedAt: expect.any(String) },
  ])
  expect(await find(main.request('/schedules'))).toMatchObject([{ ...schedule, enabled: true }])
  expect((await find(main.request('/branches'))).map(({ branchRef }: { branchRef: string }) => branchRef)).toContain(
    'draft',
  )

  const snapshots: { id: string; label: string | null }[] = await find(main.request('/snapshots'))
  const snapshot = snapshots.find(({ label }) => label === 'kept')
  await find(main.request('/restore', { body: { snapshotId: snapshot?.id } }))
  expect((await find(main.query('SELECT stars FROM books WHERE id = 2'))).rows).toEqual([[null]])

  // The next check of the same data finds it again.
  await find(main.query('UPDATE books SET stars = 5 WHERE id = 2'))

  const tokens = await find(platform.request('/v1/tokens', { token }))
  expect(tokens).toContainEqual(expect.objectContaining({ name: 'reader', origins: null }))
  if (made.format >= 5) expect(tokens).toContainEqual(expect.objectContaining(page))
  const steps = 'SELECT DISTINCT operation FROM _persql_query_log WHERE transaction_id = ? ORDER BY operation'
  const logged = (await find(main.query(steps, [transactionId ?? '']))).rows.flat()
  const expected = ['begin_transaction', 'commit_transaction', 'run_in_transaction']
  expect(logged).toEqual(transactionId === undefined ? [] : expected)

  const begin = { mode: 'read', statements: [{ sql: 'SELECT 1' }] }
  const { status, body } = await main.request('/transactions', { body: begin })
  expect(status).toBe(201)
  const log =
    'SELECT operation, transaction_id FROM _persql_query_log WHERE transaction_id IS NOT NULL ORDER BY id DESC'
  expect((await find(main.query(log))).rows[0]).toEqual(['begin_transaction', body.data.id])
  await find(main.request(`/transactions/${body.data.id}/rollback`, { body: {} }))
  const oldest = 'SELECT operation FROM _persql_meta_query_log WHERE transaction_id IS NULL ORDER BY id LIMIT 1'
  expect((await find(main.query(oldest))).rows).toEqual([['query']])

  const { balanceUsd, ledger } = await find(platform.request('/v1/billing', { token }))
  const amounts = ledger.map(({ amountUsd }: { amountUsd: number }) => amountUsd)
  expect(amounts).toEqual(expect.arrayContaining([5, 7]))
  // Since then, the days of storage were charged: much less than a cent a year.
  expect(balanceUsd).toBeLessThanOrEqual(made.balanceUsd)
  expect(balanceUsd).toBeGreaterThan(made.balanceUsd - 0.5)
  const standings = await find(platform.request('/api/operator/namespaces', { token: made.secret }))
  expect(standings).toMatchObject([{ slug: 'acme', status: 'active', driftUsd: 0 }])
}
