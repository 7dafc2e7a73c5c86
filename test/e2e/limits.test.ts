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

test('a rate-limited IP address gets Retry-After before any other check', async () => {
  platform = await startPlatform({ environment: { FLOOD_PER_MINUTE: '5' } })
  // Forwarded addresses of an untrusted client are ignored.
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
  // The last IP address that isn't a trusted proxy counts; addresses before it can be forged.
  expect((await ask('203.0.113.7, 198.51.100.1')).status).toBe(429)
})

test('every spelling of a client is one client, and so is all of its /64', async () => {
  const environment = { FLOOD_PER_MINUTE: '3', TRUSTED_PROXIES: '::ffff:127.0.0.0/104, fd00::/8' }
  platform = await startPlatform({ environment })
  const spellings = [
    '203.0.113.9:50001',
    '203.0.113.9:50002',
    '::ffff:203.0.113.9',
    ' [::FFFF:203.0.113.9]:1, [fd00::1]:2',
  ]
  expect(await Promise.all(spellings.map(async (each) => (await ask(each)).status)).then((all) => all.sort())).toEqual([
    401, 401, 401, 429,
  ])
  const statuses: number[] = []
  for (const each of [
    '2001:db8:5:5::1',
    '[2001:DB8:5:5::2]:443',
    '2001:db8:5:5:1:2:3:4',
    '2001:db8:5:5::9',
    '2001:db8:5:6::1',
  ])
    statuses.push((await ask(each)).status)
  expect(statuses).toEqual([401, 401, 401, 429, 401])
})

test('metrics are open to this machine alone, and never through a proxy', async () => {
  platform = await startPlatform()
  const read = async (headers: Record<string, string>, token?: string) =>
    (await platform.request('/metrics', { headers, token })).status
  expect(await read({})).toBe(200)
  for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via', 'CF-Connecting-IP', 'X-Forwarded-Proto']) {
    expect(await read({ [name]: '127.0.0.1' }), name).toBe(401)
    expect(await read({ [name]: '127.0.0.1' }, platform.secret), name).toBe(200)
  }
  await platform.stop()
  for (const environment of [{ TRUSTED_PROXIES: '127.0.0.1' }, { PERSQL_URL: 'https://sql.example.com' }]) {
    platform = await startPlatform({ environment })
    expect(await read({}), JSON.stringify(environment)).toBe(401)
    expect(await read({}, platform.secret)).toBe(200)
    await platform.stop()
  }
  platform = await startPlatform()
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

test('the query log has every call immediately, under both names, and without its parameters', async () => {
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
