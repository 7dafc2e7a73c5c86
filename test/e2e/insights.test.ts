import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform()
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())

const query = (db: string, sql: string) => platform.request(`/v1/db/acme/${db}/query`, { token, body: { sql } })
const insights = (db: string, search = '', as = token) =>
  platform.request(`/v1/db/acme/${db}/insights${search}`, { token: as })

test('tells durations of what ran, and lists what failed with its error, the newest first', async () => {
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

test('where nothing ran there are no durations, and reading them is no statement', async () => {
  await platform.request('/v1/databases', { token, body: { slug: 'idle' } })
  for (let i = 0; i < 2; i++) {
    const { body } = await insights('idle', '?hours=168')
    expect(body.data).toMatchObject({
      summary: { windowHours: 168, p50DurationMs: null, maxDurationMs: null },
      recent: [],
    })
  }
})

test('keeps to 1 to 168 hours, and tells nothing to tokens of some tables only', async () => {
  for (const hours of ['0', '169', '1.5', 'x']) expect((await insights('main', `?hours=${hours}`)).status).toBe(400)
  const minted = await platform.request('/v1/tokens', {
    token,
    body: { name: 'some', role: 'admin', tableScope: ['t'] },
  })
  expect((await insights('main', '', minted.body.data.token)).body).toMatchObject({ code: 'table_out_of_scope' })
})
