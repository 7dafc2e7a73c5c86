import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { InsufficientBalanceError, PerSQL, PerSQLError, RateLimitError } from '../src/index.ts'

interface Planned {
  status: number
  body?: unknown
  headers?: Record<string, string>
  /** Closes the connection after receiving the request. */
  cut?: boolean
}
type Received = { method: string; path: string; headers: IncomingMessage['headers']; body: unknown }

const RESULT = { columns: ['n'], rows: [[1]], rowsRead: 0, rowsWritten: 0 }
const fine: Planned = { status: 200, body: { success: true, data: RESULT } }
const down: Planned = { status: 503, body: { success: false, error: 'Down.', code: 'unavailable' } }

let received: Received[] = []
let planned: Planned[] = []
const server = createServer(async (request, response) => {
  const text = (await request.setEncoding('utf8').toArray()).join('')
  const { method = '', url: path = '', headers } = request
  received.push({ method, path, headers, body: text === '' ? undefined : JSON.parse(text) })
  const { status, body, headers: more, cut } = planned.shift() ?? fine
  if (cut) return request.socket.destroy()
  response.writeHead(status, { 'Content-Type': 'application/json', ...more })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
})
let persql: PerSQL

beforeEach(async () => {
  received = []
  planned = []
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  persql = new PerSQL({ token: 'psql_live_x', baseURL, maxRetries: 2 })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const db = () => persql.database('acme/main')
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  )
const keys = () => received.map(({ headers }) => headers['idempotency-key'])

test('a retried write has the same key', async () => {
  planned = [down, { status: 200, cut: true }]
  await db().query('INSERT INTO t VALUES (1)')
  expect(received).toHaveLength(3)
  expect(new Set(keys()).size).toBe(1)
  expect(keys()[0]).toMatch(/^[\w-]{8,200}$/)
  await db().query('INSERT INTO t VALUES (1)')
  expect(keys()[3]).not.toBe(keys()[0])
})

test('a read is retried without a key', async () => {
  planned = [down, { status: 200, cut: true }]
  await db().query('SELECT 1')
  await db().tables()
  expect(keys()).toEqual([undefined, undefined, undefined, undefined])
})

test('a call without idempotent replay is sent once, unless it was rate limited', async () => {
  planned = [down]
  expect(await failure(persql.databases.create({ slug: 'x' }))).toMatchObject({ status: 503, code: 'unavailable' })
  expect(received).toHaveLength(1)
  planned = [{ status: 429, body: { success: false, error: 'Slow down.', code: 'flood' } }]
  await persql.databases.create({ slug: 'x' })
  expect(received).toHaveLength(3)
})

const attempts: [status: number, code: string, sent: number][] = [
  [503, 'unavailable', 3],
  [503, 'cell_unavailable', 3],
  [502, 'model_failed', 3],
  [429, 'rate_limited', 3],
  [500, 'internal', 1],
  [500, 'database_damaged', 1],
  [500, 'database_damaged', 1],
  [507, 'storage_full', 1],
  [503, 'model_unavailable', 1],
  [503, 'payments_unavailable', 1],
  [503, 'copy_cut_off', 1],
  [507, 'storage_full', 1],
  [408, 'query_timeout', 1],
  [408, 'took_too_long', 1],
  [409, 'conflict', 1],
  [402, 'insufficient_balance', 1],
]
test.each(attempts)('%i %s: only temporary errors are retried', async (status, code, sent) => {
  planned = Array.from({ length: 5 }, () => ({ status, body: { success: false, error: 'No.', code } }))
  expect(await failure(db().query('SELECT 1'))).toMatchObject({ status, code })
  expect(received).toHaveLength(sent)
})

test('the error for a missing token explains how to set one', async () => {
  const missing = { success: false, error: 'Send "Authorization: Bearer <token>".', code: 'token_missing' }
  planned = [{ status: 401, body: missing }]
  expect(await failure(db().query('SELECT 1'))).toMatchObject({
    status: 401,
    code: 'token_missing',
    message: 'Set PERSQL_TOKEN, or pass { token }.',
  })
})

test('a step of a plan needs no idempotency key', async () => {
  planned = [down]
  await db().query('DELETE FROM t', [], { planKey: 'p', planStep: '1' })
  expect(received.map(({ headers }) => [headers['plan-key'], headers['plan-step']])).toEqual([
    ['p', '1'],
    ['p', '1'],
  ])
  expect(keys()).toEqual([undefined, undefined])
})

test('an invalid call is not retried', async () => {
  planned = [
    {
      status: 400,
      body: { success: false, error: 'No.', code: 'sql_error', errorDetail: { kind: 'unknown', message: 'No.' } },
    },
  ]
  const error = await failure(db().query('SELECT'))
  expect(error).toBeInstanceOf(PerSQLError)
  expect(error).toMatchObject({ status: 400, code: 'sql_error', detail: { kind: 'unknown' } })
  expect(received).toHaveLength(1)
})

test('waits for Retry-After, then throws RateLimitError', async () => {
  const flood = {
    status: 429,
    headers: { 'Retry-After': '1' },
    body: { success: false, error: 'Slow.', code: 'flood' },
  }
  planned = [flood]
  const timer = vi.spyOn(globalThis, 'setTimeout')
  await db().query('SELECT 1')
  expect(timer.mock.calls.some(([, ms = 0]) => ms >= 1000 && ms < 1300)).toBe(true)
  timer.mockRestore()
  planned = [{ ...flood, headers: { 'Retry-After': '3600' } }]
  const error = await failure(db().query('SELECT 1'))
  expect(error).toBeInstanceOf(RateLimitError)
  expect(error.retryAfter).toBe(3600)
})

test('the error for an empty balance has payment offers', async () => {
  const accepts = [{ resource: 'https://x/v1/billing/topup', extra: { suggestedAmountUsd: 25 } }]
  planned = [
    { status: 402, body: { success: false, error: 'Insufficient balance', code: 'insufficient_balance', accepts } },
  ]
  const error = await failure(db().query('SELECT 1'))
  expect(error).toBeInstanceOf(InsufficientBalanceError)
  expect(error.topUp).toEqual({ url: 'https://x/v1/billing/topup', suggestedAmountUsd: 25 })
})

test('a response from another server is an error that quotes it', async () => {
  planned = [{ status: 200, body: '<html>Welcome to the hotel</html>' }]
  expect(await failure(db().query('SELECT 1'))).toMatchObject({
    code: 'not_persql',
    message: expect.stringContaining('hotel'),
  })
})

test('a call has a timeout, and a signal ends it between attempts', async () => {
  const silent = (_input: unknown, init?: RequestInit) =>
    new Promise<Response>((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
  const slow = new PerSQL({ token: 'x', fetch: silent as typeof fetch }).database('acme/main')
  expect(await failure(slow.query('SELECT 1', [], { timeoutMs: 20 }))).toMatchObject({ code: 'timeout', status: 0 })
  const controller = new AbortController()
  planned = [{ ...down, headers: { 'Retry-After': '30' } }]
  const reason = new Error('enough')
  setTimeout(() => controller.abort(reason), 50)
  expect(await failure(db().query('SELECT 1', [], { signal: controller.signal }))).toBe(reason)
})

test('a failed connection is an error with a code, after the retries', async () => {
  const gone = new PerSQL({ token: 'x', baseURL: 'http://127.0.0.1:1', maxRetries: 1 }).database('acme/main')
  expect(await failure(gone.query('SELECT 1'))).toMatchObject({ code: 'network', status: 0 })
})

test('the environment sets the server if the code does not', async () => {
  const asked: string[] = []
  const fetch = (async (url: string, init: RequestInit) => {
    asked.push(url, (init.headers as Record<string, string>).Authorization ?? '')
    return Response.json({ success: true, data: [] })
  }) as typeof globalThis.fetch
  process.env.PERSQL_API_URL = 'https://eu.example/'
  process.env.PERSQL_TOKEN = 'psql_live_env'
  try {
    await new PerSQL({ fetch }).databases.list()
    await new PerSQL({ fetch, baseURL: 'https://given.example', token: 'given' }).databases.list()
  } finally {
    delete process.env.PERSQL_API_URL
    delete process.env.PERSQL_TOKEN
  }
  await new PerSQL({ fetch, token: 't' }).databases.list()
  expect(asked).toEqual([
    'https://eu.example/v1/databases',
    'Bearer psql_live_env',
    'https://given.example/v1/databases',
    'Bearer given',
    'https://api.persql.com/v1/databases',
    'Bearer t',
  ])
})

test('an invalid database address is rejected immediately', () => {
  for (const address of ['main', 'a/b/c', 'a/', '/b', 'a/../b', 'A/b', 'a/b.', 'a/.x', 'a.x/b', '']) {
    expect(() => persql.database(address)).toThrow(TypeError)
  }
  expect(persql.database('acme', 'main')).toMatchObject({ namespace: 'acme', slug: 'main' })
  expect(persql.database('acme', 'main.a/b.c')).toMatchObject({ namespace: 'acme', slug: 'main.a/b.c' })
})

test.each(['', '.', '..', undefined])('the ID %j is rejected instead of changing the route', async (id) => {
  expect(await failure(db().branches.delete(id as string))).toBeInstanceOf(TypeError)
  expect(await failure(persql.databases.delete(id as string))).toBeInstanceOf(TypeError)
  expect(received).toEqual([])
})

test('a list accepts a page size and a cursor, and returns the next cursor in meta', async () => {
  const meta = { nextCursor: 'next', total: 3 }
  planned = [
    { status: 200, body: { success: true, data: [{ slug: 'a' }], meta } },
    { status: 200, body: { success: true, data: [], meta: { nextCursor: null, total: 0 } } },
    { status: 200, body: { success: true, data: [{ slug: 'a' }] } },
  ]
  const page = await persql.databases.list({ pageSize: 1, cursor: 'this/one' })
  expect([page, page.meta, JSON.stringify(page)]).toEqual([[{ slug: 'a' }], meta, '[{"slug":"a"}]'])
  expect(received[0]?.path).toBe('/v1/databases?pageSize=1&cursor=this%2Fone')
  expect((await db().schedules.list()).meta.total).toBe(0)
  // A server of a version without paged lists.
  expect(await db().snapshots.list()).toEqual([{ slug: 'a' }])
})
