import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { createBranch, databaseWith, merge, ran, readRows, type TestDatabase } from '../merge-helpers.ts'

let platform: TestPlatform
let token: string
let db: TestDatabase
beforeAll(async () => {
  // Even on a fast machine, only the first of many pages fit in this time.
  platform = await startPlatform({ environment: { TRANSACTION_TIMEOUT_S: '0.02' } })
  token = (await platform.createNamespace('acme')).token
  db = await databaseWith(platform, token, [T, 'CREATE TABLE other (x)', 'INSERT INTO other VALUES (1)', ...ROWS])
})
afterAll(() => platform.stop())

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)'
const ROWS = Array.from(
  { length: 8 },
  () =>
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t (a) SELECT hex(randomblob(500)) FROM n',
)
const MESSAGE =
  'The operation was stopped after 0.02 s and rolled back. Try again later, or split it into smaller parts.'

test('a copy that takes too long fails and changes nothing', async () => {
  for (const [path, body] of [
    ['/snapshots', { label: 'all' }],
    ['/fork', { slug: 'fork' }],
    ['/export', undefined],
  ] as const) {
    const answer = await db.request(path, body && { body })
    expect([answer.status, answer.body.code, answer.body.error], path).toEqual([408, 'took_too_long', MESSAGE])
  }
  const deleted = await db.query('DELETE FROM other')
  expect([deleted.status, deleted.body.code]).toEqual([408, 'took_too_long'])
  expect(await readRows(db, 'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM other)')).toEqual([[24_000, 1]])
  expect((await db.request('/snapshots')).body.data).toEqual([])
  const { body } = await platform.request('/v1/databases', { token })
  expect(body.data.map(({ slug }: { slug: string }) => slug)).not.toContain('fork')
})

test('a restore that takes too long leaves what is there', async () => {
  const small = await databaseWith(platform, token, [T, 'INSERT INTO t VALUES (1, 2)'])
  const { body } = await small.request('/snapshots', { body: { label: 'small' } })
  await ran(small, ...ROWS)
  const answer = await small.request('/restore', { body: { snapshotId: body.data.id } })
  expect([answer.status, answer.body.code]).toEqual([408, 'took_too_long'])
  expect(await readRows(small, 'SELECT count(*) FROM t')).toEqual([[24_001]])
})

test('a merge that takes too long is not done', async () => {
  const parent = await databaseWith(platform, token, [T])
  const branch = await createBranch(platform, parent)
  await ran(branch, ...ROWS)
  for (const mode of ['preview', 'data']) {
    const { code, error } = await merge(parent, { mode })
    expect([code, error], mode).toEqual(['took_too_long', MESSAGE])
  }
  expect((await merge(parent, { mode: 'schema' })).success).toBe(true)
  await ran(branch, 'INSERT INTO t VALUES (-1, 1)')
  expect(await readRows(parent, 'SELECT count(*) FROM t')).toEqual([[0]])
})

test('an import that takes too long is not done, and says so afterwards too', async () => {
  const target = await databaseWith(platform, token, [T])
  const lines = Array.from({ length: 24_000 }, (_, i) => `${i},${'x'.repeat(1_000)}\n`)
  const answer = await target.request('/import?format=csv&table=t', {
    method: 'POST',
    body: Buffer.from(`id,a\n${lines.join('')}`),
    headers: { 'content-type': 'text/csv' },
  })
  expect([answer.status, answer.body.code, answer.body.error]).toEqual([408, 'took_too_long', MESSAGE])
  expect((await target.request('/import')).body.data.import).toMatchObject({ state: 'failed', error: MESSAGE })
  expect(await readRows(target, 'SELECT count(*) FROM t')).toEqual([[0]])
})
