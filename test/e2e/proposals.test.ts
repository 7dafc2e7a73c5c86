import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let token: string
let db: Database

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const acme = await platform.createNamespace('acme')
  token = acme.token
  db = acme.db()
})
afterAll(() => platform.stop())
beforeEach(async () => {
  for (const sql of [
    'DROP TABLE IF EXISTS t',
    'DROP TABLE IF EXISTS log',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)',
    'CREATE TABLE log (n)',
    'INSERT INTO t (n) VALUES (1), (2), (3)',
  ]) {
    expect((await db.query(sql)).status, sql).toBe(200)
  }
})

const propose = async (sql: string, params?: unknown[], more: object = {}, as = db) =>
  (await as.request('/propose', { body: { sql, params, ...more } })).body
const apply = (executionToken: unknown, as = db, headers?: Record<string, string>) =>
  as.request('/apply', { body: { executionToken }, headers })
const rows = async (sql = 'SELECT n FROM t ORDER BY n') => (await db.query(sql)).body.data.rows
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const createToken = async (request: object) =>
  (await platform.request('/v1/tokens', { token, body: { name: 'x', ...request } })).body.data.token

test('a proposal says what would happen and does nothing; applying it does that, once', async () => {
  const { data } = await propose('UPDATE t SET n = n + ? WHERE n > ?', [10, 1])
  expect(data).toEqual({
    sql: 'UPDATE t SET n = n + ? WHERE n > ?',
    plan: expect.arrayContaining([
      [expect.any(Number), expect.any(Number), expect.any(Number), expect.stringContaining('t')],
    ]),
    estimatedAffectedRows: 2,
    executionToken: expect.stringMatching(/^pmut_[0-9A-Za-z]{40}$/),
    expiresAt: expect.stringMatching(/Z$/),
    action: 'write',
  })
  expect(await rows()).toEqual([[1], [2], [3]])
  const applied = await apply(data.executionToken)
  expect([applied.status, applied.body.data]).toMatchObject([200, { columns: [], rows: [], changes: 2 }])
  expect(applied.body.meta).toMatchObject({ statementCount: 1, rowsWritten: expect.any(Number) })
  expect(await rows()).toEqual([[1], [12], [13]])
  const again = await apply(data.executionToken)
  expect([again.status, again.body.code]).toEqual([404, 'proposal_not_found'])
})

test.each<[string, number | null, string]>([
  ['DELETE FROM t WHERE n < 3', 2, 'write'],
  ['DELETE FROM t', 3, 'write'],
  ['INSERT INTO t (n) VALUES (7), (8)', 2, 'write'],
  ['INSERT INTO log SELECT n FROM t', null, 'write'],
  ['CREATE TABLE other (n)', null, 'schema'],
  ['DROP TABLE log', null, 'schema'],
])('%s is estimated at %s rows, and changes nothing', async (sql, estimated, action) => {
  const before = await rows(
    'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM log), (SELECT count(*) FROM sqlite_master)',
  )
  const { data } = await propose(sql)
  expect([data.estimatedAffectedRows, data.action]).toEqual([estimated, action])
  expect(
    await rows('SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM log), (SELECT count(*) FROM sqlite_master)'),
  ).toEqual(before)
})

test('16 concurrent calls apply one proposal once', async () => {
  const { data } = await propose('UPDATE t SET n = n + 100')
  const answers = await Promise.all(Array.from({ length: 16 }, () => apply(data.executionToken)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(await rows()).toEqual([[101], [102], [103]])
})

test('a crash around an apply leaves it done and spent, or neither', async () => {
  for (let round = 0; round < 6; round++) {
    const [[before]] = await rows('SELECT sum(n) FROM t')
    const { data } = await propose('UPDATE t SET n = n + 1000')
    const applying = apply(data.executionToken).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, round))
    await platform.kill()
    await applying
    await platform.restart()
    const [[after]] = await rows('SELECT sum(n) FROM t')
    const { status } = await apply(data.executionToken)
    expect(status).toBe(after === before ? 200 : 404)
    expect((await rows('SELECT sum(n) FROM t'))[0][0]).toBe(before + 3000)
  }
})

describe('an apply is refused', () => {
  const refused = async (answer: ReturnType<typeof apply>) => {
    const { status, body } = await answer
    return [status, body.code]
  }
  const none = [404, 'proposal_not_found']

  test('when its time is over', async () => {
    const standard = (await propose('DELETE FROM t')).data.executionToken
    const short = (await propose('DELETE FROM t', [], { ttlSec: 5 })).data.executionToken
    const long = (await propose('DELETE FROM t WHERE n = 1', [], { ttlSec: 3600 })).data.executionToken
    await setAhead(6_000)
    expect(await refused(apply(short))).toEqual(none)
    await setAhead(601_000)
    expect(await refused(apply(standard))).toEqual(none)
    expect((await apply(long)).status).toBe(200)
    await setAhead(0)
    expect(await rows()).toEqual([[2], [3]])
  })

  test('to another token, another database, another branch', async () => {
    const { executionToken } = (await propose('DELETE FROM t')).data
    const other = platform.database('acme', 'main', await createToken({ role: 'admin' }))
    expect(await refused(apply(executionToken, other))).toEqual(none)
    await platform.request('/v1/databases', { token, body: { slug: 'second' } })
    expect(await refused(apply(executionToken, platform.database('acme', 'second', token)))).toEqual(none)
    const claimed = (await db.request('/claim_branch', { body: { ref: 'b', role: 'admin' } })).body.data
    expect(await refused(apply(executionToken, platform.database('acme', claimed.databaseSlug, token)))).toEqual(none)
    const onBranch = platform.database('acme', claimed.databaseSlug, claimed.token)
    const theirs = (await propose('DELETE FROM t', [], {}, onBranch)).data.executionToken
    expect(await refused(apply(theirs))).toEqual(none)
    expect(await rows()).toHaveLength(3)
  })

  test.each(['', 'pmut_', `pmut_${'a'.repeat(40)}`, "' OR 1=1 --", 'x'.repeat(100)])(
    'for a guess: %s',
    async (guess) => {
      expect(await refused(apply(guess))).toEqual(none)
    },
  )

  test('with other SQL, or an invalid token', async () => {
    const { executionToken } = (await propose('DELETE FROM t WHERE n = 1')).data
    const changed = await db.request('/apply', { body: { executionToken, sql: 'DELETE FROM t', params: [] } })
    expect(changed.body.code).toBe('invalid_input')
    for (const value of [7, null, undefined, [executionToken], { $ne: 1 }]) {
      expect((await apply(value)).body.code).toBe('invalid_input')
    }
    expect(await rows()).toHaveLength(3)
  })

  test('when the schema has changed so that it would do something else', async () => {
    const { executionToken } = (await propose('DELETE FROM t WHERE n = 1')).data
    await db.query('CREATE TRIGGER more AFTER DELETE ON t BEGIN DELETE FROM log; END')
    expect(await refused(apply(executionToken))).toEqual([409, 'proposal_stale'])
    await db.query('DROP TRIGGER more')
    expect((await apply(executionToken)).status).toBe(200)
    const gone = (await propose('DELETE FROM log')).data.executionToken
    await db.query('DROP TABLE log')
    expect(await refused(apply(gone))).toEqual([400, 'sql_error'])
  })

  test('when the token was revoked since', async () => {
    const minted = (await platform.request('/v1/tokens', { token, body: { name: 'short' } })).body.data
    const as = platform.database('acme', 'main', minted.token)
    const { executionToken } = (await propose('DELETE FROM t', [], {}, as)).data
    await platform.request(`/v1/tokens/${minted.id}`, { token, method: 'DELETE' })
    expect(await refused(apply(executionToken, as))).toEqual([401, 'token_unknown'])
  })
})

test('what fails when it is applied is undone, and can be applied when that is put right', async () => {
  const { executionToken } = (await propose('INSERT INTO t (n) VALUES (?)', [9])).data
  await db.query('INSERT INTO t (n) VALUES (9)')
  const failed = await apply(executionToken)
  expect([failed.status, failed.body.errorDetail.kind]).toEqual([400, 'unique_violation'])
  await db.query('DELETE FROM t WHERE n = 9')
  expect((await apply(executionToken)).status).toBe(200)
  expect((await apply(executionToken)).status).toBe(404)
})

test('a lost answer can be asked for again with its idempotency key', async () => {
  const { executionToken } = (await propose('UPDATE t SET n = n + 10')).data
  const key = { 'Idempotency-Key': 'apply-1' }
  const first = await apply(executionToken, db, key)
  const second = await apply(executionToken, db, key)
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  expect(second.body).toEqual(first.body)
  expect(await rows()).toEqual([[11], [12], [13]])
})

describe('proposing is refused', () => {
  test.each<[string, unknown[] | undefined, object, string]>([
    ['SELECT 1', undefined, {}, 'invalid_input'],
    ['DELETE FROM nowhere', undefined, {}, 'sql_error'],
    ['DELETE FROM t; DELETE FROM log', undefined, {}, 'multiple_statements'],
    ['BEGIN', undefined, {}, 'statement_not_allowed'],
    ['DELETE FROM _persql_query_log', undefined, {}, 'table_protected'],
    ['DELETE FROM t WHERE n = ?', [], {}, 'sql_error'],
    ['DELETE FROM t', undefined, { ttlSec: 0 }, 'invalid_input'],
    ['DELETE FROM t', undefined, { ttlSec: 3601 }, 'invalid_input'],
    ['DELETE FROM t', undefined, { ttlSec: 'x' }, 'invalid_input'],
    ['DELETE FROM t', undefined, { more: 1 }, 'invalid_input'],
    ['INSERT INTO t (n) VALUES (1)', undefined, {}, 'sql_error'],
  ])('%s %j %j', async (sql, params, more, code) => {
    expect((await propose(sql, params, more)).code).toBe(code)
    expect(await rows()).toHaveLength(3)
  })

  test('to those who may not do it', async () => {
    const readonly = platform.database('acme', 'main', await createToken({ role: 'readonly' }))
    const readwrite = platform.database('acme', 'main', await createToken({ role: 'readwrite' }))
    const scoped = platform.database('acme', 'main', await createToken({ tableScope: ['log'] }))
    expect((await propose('DELETE FROM t', [], {}, readonly)).code).toBe('role_insufficient')
    expect((await propose('DROP TABLE t', [], {}, readwrite)).code).toBe('role_insufficient')
    expect((await propose('DELETE FROM t', [], {}, scoped)).code).toBe('table_out_of_scope')
    expect((await propose('DELETE FROM t', [], {}, readwrite)).success).toBe(true)
  })
})
