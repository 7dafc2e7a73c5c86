import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

const query = (db: string, sql: string) => platform.request(`/v1/db/${ns}/${db}/query`, { token, body: { sql } })
const insights = (db: string, search = '', as = token) =>
  platform.request(`/v1/db/${ns}/${db}/insights${search}`, { token: as })

test('returns durations of statements, and lists failed ones with their error, newest first', async () => {
  await query('main', 'CREATE TABLE t (a)')
  await query('main', 'SELECT 1')
  await query('main', 'SELECT * FROM nowhere')
  await query('main', `SELECT elsewhere, '${'x'.repeat(2_000)}'`)
  const { status, body } = await insights('main')
  expect(status).toBe(200)
  const { summary, recent } = body.data
  expect(summary).toEqual({
    windowHours: 24,
    slowCount: 0,
    errorCount: 2,
    p50DurationMs: expect.any(Number),
    p95DurationMs: expect.any(Number),
    p99DurationMs: expect.any(Number),
    maxDurationMs: expect.any(Number),
  })
  expect(summary.p50DurationMs).toBeLessThanOrEqual(summary.p95DurationMs)
  expect(summary.p99DurationMs).toBeLessThanOrEqual(summary.maxDurationMs)
  expect(recent).toHaveLength(2)
  expect(recent[0].sqlText).toHaveLength(1_500)
  expect(recent[1]).toEqual({
    id: expect.any(Number),
    sqlText: 'SELECT * FROM nowhere',
    durationMs: expect.any(Number),
    rowsRead: 0,
    rowsWritten: 0,
    status: 'error',
    errorMessage: expect.stringContaining('nowhere'),
    transactionId: null,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  })
})

test('a statement that takes more than 500 ms is slow', async () => {
  const slow = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 6000000) SELECT max(n) FROM c'
  await query('slow', 'SELECT 1')
  const { body } = await query('slow', slow)
  expect(body.meta.durationMs).toBeGreaterThan(500)
  const { summary, recent } = (await insights('slow')).body.data
  expect(summary).toMatchObject({ slowCount: 1, errorCount: 0, maxDurationMs: recent[0].durationMs })
  expect(recent).toMatchObject([{ sqlText: slow, status: 'ok', errorMessage: null }])
})

test('without statements, durations are null, and reading insights is not logged as a statement', async () => {
  await platform.request('/v1/databases', { token, body: { slug: 'idle' } })
  for (let i = 0; i < 2; i++) {
    const { body } = await insights('idle', '?hours=168')
    expect(body.data).toMatchObject({
      summary: { windowHours: 168, p50DurationMs: null, maxDurationMs: null },
      recent: [],
    })
  }
})

test('accepts 1 to 168 hours, and rejects tokens with a table scope', async () => {
  for (const hours of ['0', '169', '1.5', 'x']) expect((await insights('main', `?hours=${hours}`)).status).toBe(400)
  const minted = await platform.request('/v1/tokens', {
    token,
    body: { name: 'some', role: 'admin', tableScope: ['t'] },
  })
  expect((await insights('main', '', minted.body.data.token)).body).toMatchObject({ code: 'not_for_scoped_token' })
})

test('returns the runs of an endpoint in 24 parts of the window, their cost and failures', async () => {
  const { make, namespace } = await platform.createNamespace(uniqueName('traffic'))
  const db = await make('CREATE TABLE t (n INTEGER)', 'INSERT INTO t VALUES (1), (2)')
  const sql = 'SELECT n / ? AS part FROM t WHERE json_valid(?) OR n > json(?)'
  const input = ['by', 'text', 'other'].map((name) => ({
    name,
    type: name === 'by' ? 'integer' : 'text',
    required: true,
  }))
  const spec = { slug: 'parts', name: 'Parts', kind: 'query', method: 'GET', sql, input, output: 'rows' }
  expect((await db.request('/endpoints', { body: spec })).status).toBe(200)
  expect((await db.request('/endpoints/parts/publish', { body: {} })).status).toBe(200)
  const called = async (text: string) =>
    (await platform.request(`/p/${namespace.slug}/${db.slug}/parts?by=1&text=${text}&other=${text}`)).status
  expect([await called('1'), await called('1'), await called('no')]).toEqual([200, 200, 500])
  const { status, body } = await db.request('/endpoints/parts/traffic?hours=1')
  expect(status).toBe(200)
  const { parts, failures, costUsd, ...rest } = body.data
  expect(rest).toEqual({
    windowHours: 1,
    calls: 3,
    failed: 1,
    rowsRead: 4,
    rowsWritten: 0,
    p50DurationMs: expect.any(Number),
    p95DurationMs: expect.any(Number),
    p99DurationMs: expect.any(Number),
  })
  expect(costUsd).toBeCloseTo(3 * 5e-7 + 4 * 5e-9, 12)
  expect(parts).toHaveLength(24)
  expect(parts.at(-1)).toEqual({ from: expect.stringMatching(/Z$/), calls: 3, failed: 1 })
  expect(failures).toEqual([
    { id: expect.any(Number), at: expect.stringMatching(/Z$/), message: expect.stringContaining('JSON') },
  ])
  expect((await db.request('/endpoints/nothing/traffic')).body.code).toBe('endpoint_not_found')
  const other = await platform.createNamespace(uniqueName('other'))
  const scoped = await platform.request('/v1/tokens', {
    token: other.token,
    body: { name: 'scoped', tableScope: ['t'] },
  })
  const refusal = await platform.request(`/v1/db/${other.namespace.slug}/main/endpoints/parts/traffic`, {
    token: scoped.body.data.token,
  })
  expect(refusal.body.code).toBe('not_for_scoped_token')
})
