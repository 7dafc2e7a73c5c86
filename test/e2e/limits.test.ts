import { afterEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
afterEach(() => platform.stop())

const ask = (forwarded?: string) =>
  platform.request('/v1/me', forwarded === undefined ? {} : { headers: { 'X-Forwarded-For': forwarded } })
const flood = async (requests: number, forwarded?: string) => {
  const statuses: number[] = []
  for (let i = 0; i < requests; i++) statuses.push((await ask(forwarded)).status)
  return statuses
}

test('an address that floods is told when to come again, before anything else is looked at', async () => {
  platform = await startPlatform({ environment: { FLOOD_PER_MINUTE: '5' } })
  // What a stranger says of its address changes nothing.
  for (let i = 0; i < 5; i++) expect((await ask(`10.0.0.${i}`)).status).toBe(401)
  const { status, headers, body } = await ask('10.0.0.99')
  expect([status, body.code]).toEqual([429, 'flood'])
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
  expect((await platform.request('/healthz')).status).toBe(200)
  for (const path of ['/v1/me?x=/healthz', '/v1/healthz', '/api/namespaces?/healthz']) {
    expect((await platform.request(path)).status, path).toBe(429)
  }
  expect((await platform.request('/p/acme/main/healthz')).body).toMatchObject({ ok: false, code: 'flood' })
})

test('behind a trusted proxy each client counts for itself', async () => {
  platform = await startPlatform({ environment: { FLOOD_PER_MINUTE: '3', TRUSTED_PROXIES: '127.0.0.0/8, 192.0.2.1' } })
  expect(await flood(4, '198.51.100.1')).toEqual([401, 401, 401, 429])
  expect(await flood(3, '198.51.100.2, 192.0.2.1')).toEqual([401, 401, 401])
  // The last address that is no proxy of ours counts; what stands before it is the client's own word.
  expect((await ask('203.0.113.7, 198.51.100.1')).status).toBe(429)
})

test('metrics count what was served, and say nothing of it', async () => {
  platform = await startPlatform()
  const { db, token } = await platform.createNamespace('acme')
  await db().query('SELECT 1')
  await db().query('SELEC')
  const { body, headers } = await platform.request('/metrics')
  expect(headers.get('content-type')).toContain('text/plain')
  expect(body).toContain('persql_requests_total{operation="query",status="200"} 1')
  expect(body).toContain('persql_errors_total{code="sql_error"} 1')
  expect(body).toMatch(/persql_request_seconds_bucket\{le="\+Inf"\} \d+/)
  expect(body).toContain('persql_leases 1')
  expect(body).not.toContain(token)
})

test('the query log has every call, at once, under both names, and not its parameters', async () => {
  platform = await startPlatform()
  const db = (await platform.createNamespace('acme')).db()
  await db.query('SELECT ? AS a', ['very secret'])
  await db.query('SELEC')
  for (const table of ['_persql_query_log', '_persql_meta_query_log']) {
    const { body } = await db.query(`SELECT operation, sql, status, error FROM ${table} ORDER BY id LIMIT 2`)
    expect(body.data.rows).toEqual([
      ['query', 'SELECT ? AS a', 200, null],
      ['query', 'SELEC', 400, 'near "SELEC": syntax error'],
    ])
  }
  expect((await db.request('/tables')).body.data).toEqual([])
})
