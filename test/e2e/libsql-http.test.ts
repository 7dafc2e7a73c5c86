import { request as sendRequest } from 'node:http'
import { Agent } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DnsDouble } from '../dns-double.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { batch, close, execute, integer, LibsqlClient, transactionSteps } from '../libsql-client.ts'
import { openLibsqlSocket } from '../libsql-socket.ts'

const host = 'db.acme.com'
const LOCAL = { address: '127.0.0.1', family: 4 }

let platform: TestPlatform
let dns: DnsDouble
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let db: LibsqlClient

beforeAll(async () => {
  dns = await new DnsDouble().start()
  platform = await startPlatform({ environment: { ...dns.environment, PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
  db = client('acme/main/')
  await db.run('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)')
})
afterAll(async () => {
  await platform.stop()
  dns.stop()
})

const client = (path: string, token = acme.token) => new LibsqlClient(`${platform.url}/libsql/${path}`, token)
const select = { requests: [execute('SELECT 1'), close] }
const mint = async (body: object) =>
  (await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', role: 'admin', ...body } })).body.data

describe('a request that fails as a whole', () => {
  test.each<[string, string, unknown, { token?: string; method?: string }, number, string]>([
    ['without a token', 'v3/pipeline', select, { token: '' }, 401, 'token_missing'],
    ['with a malformed token', 'v3/pipeline', select, { token: 'x' }, 401, 'token_malformed'],
    ['with a GET', 'v3/pipeline', undefined, { method: 'GET' }, 405, 'method_not_allowed'],
    ['with a POST for a version', 'v3', select, {}, 405, 'method_not_allowed'],
    ['at an unknown path', 'v3/other', select, {}, 404, 'route_not_found'],
    ['with protobuf', 'v3-protobuf', undefined, { method: 'GET' }, 404, 'route_not_found'],
    ['without JSON', 'v3/pipeline', '{', {}, 400, 'invalid_json'],
    ['without requests', 'v3/pipeline', {}, {}, 400, 'invalid_input'],
    ['with an unknown type of request', 'v3/pipeline', { requests: [{ type: 'hello' }] }, {}, 400, 'invalid_input'],
    ['with an unknown baton', 'v3/pipeline', { ...select, baton: 'x.1' }, {}, 400, 'STREAM_EXPIRED'],
    [
      'with an unknown baton for a cursor',
      'v3/cursor',
      { batch: { steps: [] }, baton: 'x.1' },
      {},
      400,
      'STREAM_EXPIRED',
    ],
    [
      'with too long a body',
      'v3/pipeline',
      JSON.stringify({ requests: ['x'.repeat(11 * 1024 * 1024)] }),
      {},
      413,
      'body_too_large',
    ],
  ])('%s', async (_, path, body, options, status, code) => {
    const response = await db.send(path, body, { token: acme.token, ...options })
    expect(response.status).toBe(status)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(response.body).toMatchObject({ message: expect.any(String), code, error: response.body.message })
    expect(response.body).not.toHaveProperty('success')
  })

  test.each([['/libsql/acme/v2/pipeline'], ['/libsql/acme/v3/pipeline'], ['/libsql/acme/v3/cursor']])(
    'because its URL had no slash at the end: %s',
    async (path) => {
      const { status, body } = await platform.request(path, { token: acme.token, body: select })
      expect(status).toBe(404)
      expect(body).toMatchObject({
        code: 'libsql_url_incomplete',
        message: expect.stringContaining('/libsql/acme/<database>/'),
      })
    },
  )

  test('because the token is for another namespace, or for other databases', async () => {
    const other = await platform.createNamespace('other')
    expect(await client('acme/main/', other.token).send('v3/pipeline', select)).toMatchObject({
      status: 403,
      body: { code: 'namespace_mismatch' },
    })
    await platform.request('/v1/databases', { token: acme.token, body: { slug: 'second' } })
    const { token } = await mint({ databases: ['second'] })
    expect((await client('acme/main/', token).send('v3/pipeline', select)).body.code).toBe('token_pinned')
    expect((await client('acme/second/', token).send('v3/pipeline', select)).status).toBe(200)
    const me = (await platform.request('/v1/me', { token })).body.data
    expect(me.libsqlUrl).toBe(`${platform.url}/libsql/acme/second/`)
  })

  test('because the database is missing and the token must not create it', async () => {
    const { token } = await mint({ role: 'readwrite' })
    const missing = (as: string) => client('acme/missing/', as).send('v3/pipeline', select)
    expect(await missing(token)).toMatchObject({ status: 404, body: { code: 'database_not_found' } })
    expect((await missing(acme.token)).status).toBe(200)
    expect((await missing(token)).status).toBe(200)
  })

  test('because the token was revoked', async () => {
    const { token, id } = await mint({})
    expect((await client('acme/main/', token).send('v3/pipeline', select)).status).toBe(200)
    await platform.request(`/v1/tokens/${id}`, { token: acme.token, method: 'DELETE' })
    expect(await client('acme/main/', token).send('v3/pipeline', select)).toMatchObject({
      status: 401,
      headers: expect.any(Headers),
      body: { code: 'token_unknown' },
    })
  })

  test('because the balance is empty, with an offer to pay', async () => {
    const broke = await platform.createNamespace('broke')
    await platform.request('/api/operator/namespaces/broke/credit', {
      token: platform.secret,
      body: { amountUsd: -100, ref: 'empty', note: 'test' },
    })
    const send = () => client('broke/main/', broke.token).send('v3/pipeline', select)
    await expect.poll(async () => (await send()).status).toBe(402)
    const { headers, body } = await send()
    expect(headers.has('PAYMENT-REQUIRED')).toBe(true)
    expect(body).toMatchObject({
      code: 'insufficient_balance',
      message: 'Insufficient balance',
      x402Version: 1,
      accepts: [{ resource: `${platform.url}/v1/billing/topup` }],
    })
  })
})

test('the versions are found without a token', async () => {
  for (const path of ['v2', 'v3']) {
    expect((await db.send(path, undefined, { token: '', method: 'GET' })).status).toBe(200)
    expect((await db.send(path, undefined, { token: '', method: 'HEAD' })).status).toBe(200)
  }
})

test('a request is billed once, with all rows of its statements, and logged', async () => {
  const billing = async () => {
    const { data } = (await platform.request('/v1/usage', { token: acme.token })).body
    const { requests, rowsRead, rowsWritten } = data.spend
    return [requests.quantity, rowsRead.quantity, rowsWritten.quantity]
  }
  await db.run("INSERT INTO item (name) VALUES ('a'), ('b')")
  const before = await billing()
  const steps = transactionSteps('BEGIN', "INSERT INTO item (name) VALUES ('c')", 'SELECT * FROM item')
  const { results } = await db.pipeline([batch(steps), execute('SELECT name FROM item WHERE id = 1'), close])
  expect(results[0].response.result.step_results[2]).toMatchObject({ rows_read: 3, rows_written: 0 })
  const after = await billing()
  expect(after.map((value, i) => value - (before[i] as number))).toEqual([1, 4, 1])

  const log = await platform.request('/v1/db/acme/main/query', {
    token: acme.token,
    body: {
      sql: 'SELECT operation, sql, statement_count, rows_read, rows_written FROM _persql_meta_query_log ORDER BY id DESC LIMIT 1',
    },
  })
  const sql = "INSERT INTO item (name) VALUES ('c');\nSELECT * FROM item;\nSELECT name FROM item WHERE id = 1"
  expect(log.body.data.rows).toEqual([['libsql_pipeline', sql, 3, 4, 1]])
})

test('the X-Request-Id is returned', async () => {
  const { headers } = await db.send('v3/pipeline', select, { headers: { 'X-Request-Id': 'my-id' } })
  expect(headers.get('X-Request-Id')).toBe('my-id')
})

test('requests of a WebSocket that wait run and are billed together', async () => {
  const requests = async () =>
    (await platform.request('/v1/usage', { token: acme.token })).body.data.spend.requests.quantity as number
  const socket = await openLibsqlSocket(`${platform.url}/libsql/acme/main/`)
  await socket.hello(acme.token)
  const other = socket.open(1)
  await other(execute('BEGIN IMMEDIATE'))
  const before = await requests()
  const stream = socket.open(2)
  // The first one waits for the transaction, and the others for the first one.
  const write = stream(execute("INSERT INTO item (name) VALUES ('waits')"))
  const all = Array.from({ length: 50 }, (_, i) => stream(execute('SELECT ?', [integer(i)])))
  const closed = stream.close()
  // Its response shows that the server received the messages before it.
  await socket.ask({ type: 'store_sql', sql_id: 1, sql: 'SELECT 1' })
  await other.close()
  expect((await write).result.affected_row_count).toBe(1)
  const results = await Promise.all(all)
  expect(results.map(({ result }) => result.rows[0][0].value)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
  await closed
  // The end of the transaction, the write, and all others.
  expect((await requests()) - before).toBeLessThanOrEqual(3)
  await socket.close()
})

describe("a database's own hostname", () => {
  beforeAll(async () => {
    const { request } = acme.db()
    const { verification } = (await request('/hostnames', { body: { hostname: host } })).body.data
    dns.records.set(verification.name, [`"${verification.value}"`])
    await request(`/hostnames/${host}/refresh`, { method: 'POST' })
  })

  /** Sends a request with this hostname in `Host`. */
  const send = (method: string, path: string, body?: object, token = acme.token, origin?: string) =>
    new Promise<{ status: number; text: string; page: string | undefined }>((resolve, reject) => {
      const { hostname, port } = new URL(platform.url)
      const known = { Host: host, Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
      const headers = { ...known, ...(origin !== undefined && { Origin: origin }) }
      sendRequest({ hostname, port, path, method, headers }, async (response) => {
        const text = (await response.setEncoding('utf8').toArray()).join('')
        const page = response.headers['access-control-allow-origin']
        resolve({ status: response.statusCode ?? 0, text, page })
      })
        .on('error', reject)
        .end(body && JSON.stringify(body))
    })

  test('serves the protocol at its root', async () => {
    for (const path of ['/v2/pipeline', '/v3/pipeline']) {
      const { status, text } = await send('POST', path, select)
      expect(status).toBe(200)
      expect(JSON.parse(text).results[0].response.result.rows).toEqual([[integer(1)]])
    }
    expect((await send('POST', '/v3/cursor', { batch: { steps: [] } })).status).toBe(200)
    const other = await platform.createNamespace('elsewhere')
    expect((await send('POST', '/v3/pipeline', select, other.token)).status).toBe(403)
    expect((await send('GET', '/v3/pipeline')).status).toBe(404)
  })

  test('serves WebSockets at its root', async () => {
    const connect = {
      lookup: (_: string, __: object, done: (error: null, all: object[]) => void) => done(null, [LOCAL]),
    }
    const dispatcher = new Agent({ connect: connect as object })
    const url = platform.url.replace('127.0.0.1', host)
    const socket = await openLibsqlSocket(`${url}/`, { dispatcher })
    expect(await socket.hello(acme.token)).toEqual({ type: 'hello_ok' })
    const stream = socket.open(1)
    expect((await stream(execute('SELECT 1'))).result.rows).toEqual([[integer(1)]])
    await socket.close()
    await expect(openLibsqlSocket(`${platform.url}/`)).rejects.toThrow('refused')
  })

  test('says which versions it has, unless an endpoint has that name', async () => {
    expect((await send('GET', '/v2')).status).toBe(200)
    expect((await send('GET', '/v3')).status).toBe(200)
    const { publish } = await createEndpoints(platform, acme)
    const spec = { ...specs.list, slug: 'v3', sql: 'SELECT 7 AS seven', input: [] }
    await publish(spec)
    expect((await send('GET', '/v3')).text).toContain('seven')
    expect((await send('POST', '/v3/pipeline', select)).status).toBe(200)
  })

  test('serves pages that a token lists, with a preflight response for every page', async () => {
    const [app, other] = ['https://app.example.com', 'https://evil.example']
    const body = { name: 'page', origins: [app] }
    const { token } = (await platform.request('/v1/tokens', { token: acme.token, body })).body.data
    for (const path of ['/v2/pipeline', '/v3/pipeline', '/v3/cursor']) {
      expect(await send('OPTIONS', path, undefined, '', other)).toEqual({ status: 204, text: '', page: other })
      const sent = path === '/v3/cursor' ? { batch: { steps: [] } } : select
      expect(await send('POST', path, sent, token, app)).toMatchObject({ status: 200, page: app })
      const refused = await send('POST', path, sent, token, other)
      expect(refused).toMatchObject({ status: 403, page: other })
      expect(JSON.parse(refused.text).code).toBe('origin_not_allowed')
      expect(await send('POST', path, sent, acme.token, app)).toMatchObject({ status: 200, page: undefined })
    }
  })
})
