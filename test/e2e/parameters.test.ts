import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { subscribe } from '../socket.ts'

let platform: TestPlatform
let made: Awaited<ReturnType<TestPlatform['createNamespace']>>
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('acme@example.com')
  made = await platform.createNamespace('acme')
  const { publish } = await createEndpoints(platform, made)
  await publish(specs.list)
  await publish(specs.add)
})
afterAll(() => platform.stop())

/** Parameters that links, proxies and other client versions add. */
const FOREIGN = 'utm_source=mail&fbclid=x&_=1&v=2&v=3&page_size=x&constructor=1&__proto__=1&ns=other&%E2%98%83=&empty='

const operations = Object.entries(api as Record<string, Operation>).flatMap(([name, operation]) =>
  getEntryPoints(operation).map(([door, { method, path }]) => {
    const at = path
      .replace('{ns}', 'acme')
      .replace('{db}', 'main')
      .replace(/\{slug\}/, path.includes('/databases/{slug}') ? 'main' : 'list-notes')
      .replace(/\{\w+\}/g, 'x')
    return { name, door, method, path: at, operation }
  }),
)
const send = (door: string, operation: Operation, method: string, path: string, body?: unknown) =>
  door === 'session'
    ? owner.request(path, { method, body })
    : platform.request(path, {
        method,
        body,
        token: operation.scope === 'operator' ? platform.secret : made.token,
      })

describe('a parameter that a call does not have is ignored', () => {
  const gets = operations.filter(({ method }) => method === 'GET')

  test.each(gets)('$name through the $door door: $path', async ({ door, path, operation }) => {
    const start = `${path}?${path.includes('wait_for_changes') ? 'timeoutSec=0&' : ''}`
    const plain = await send(door, operation, 'GET', start)
    const more = await send(door, operation, 'GET', start + FOREIGN)
    expect([more.status, more.body?.code]).toEqual([plain.status, plain.body?.code])
    expect(typeof more.body).toBe(typeof plain.body)
    if (Array.isArray(plain.body?.data)) expect(more.body.data.length).toBe(plain.body.data.length)
  })

  test.each([
    '/p/acme/main/list-notes?author=ada&',
    '/p/acme/main/openapi.json?',
    '/p/acme/main/.well-known/endpoints.json?',
    '/api/openapi.json?',
    '/healthz?',
    '/.well-known/oauth-authorization-server?',
    '/v1/me?',
  ])('%s', async (path) => {
    const plain = await platform.request(path, { token: made.token })
    expect(await platform.request(path + FOREIGN, { token: made.token })).toMatchObject({
      status: 200,
      body: plain.body,
    })
  })

  test('when something is deleted', async () => {
    const { body } = await platform.request('/v1/tokens', { token: made.token, body: { name: 'x' } })
    const path = `/v1/tokens/${body.data.id}?id=other&${FOREIGN}`
    expect((await platform.request(path, { token: made.token, method: 'DELETE' })).body.data).toEqual({
      revoked: true,
      alsoRevoked: 0,
    })
  })

  test('when a file is read, or changes are waited for', async () => {
    const exported = await made.db().request(`/export?format=csv&table=notes&${FOREIGN}`)
    expect([exported.status, typeof exported.body]).toEqual([200, 'string'])
    const url = `${platform.url}/v1/db/acme/main/subscribe?token=${made.token}&tables=notes&${FOREIGN}`
    const socket = await subscribe(url)
    await made.db().query("INSERT INTO notes (author, text) VALUES ('s', 's')")
    expect(await socket.until(({ type }) => type === 'change')).toMatchObject({ table: 'notes' })
    socket.close()
  })
})

describe('a parameter that a call has is checked', () => {
  test.each([
    '/v1/db/acme/main/migrations?limit=0',
    '/v1/db/acme/main/migrations?limit=',
    '/v1/db/acme/main/migrations?limit=1&limit=2',
    '/v1/db/acme/main/migrations?limit=ten',
    '/v1/db/acme/main/migrations?limit[]=1&limit=1.5',
    '/v1/db/acme/main/search?q=a&q=b',
    '/v1/db/acme/main/search',
    '/v1/db/acme/main/export?format=xlsx',
    '/v1/db/acme/main/wait_for_changes?cursor=x',
    '/v1/usage?from=yesterday',
  ])('%s is 400', async (path) => {
    const { status, body } = await platform.request(path, { token: made.token })
    expect([status, body.code]).toEqual([400, 'invalid_input'])
  })

  test.each(['author=ada&author=bob', 'author=', ''])('of an endpoint: "%s" is 400', async (query) => {
    const { status, body } = await platform.request(`/p/acme/main/list-notes?${query}`)
    expect([status, body.code]).toEqual([400, 'fields_refused'])
  })
})

describe('a field that a call does not have is refused', () => {
  const posts = operations.filter(
    ({ method, operation }) => /^(POST|PUT|PATCH)$/.test(method) && !operation.upload && operation.scope !== 'account',
  )

  test.each(posts)('$name through the $door door: $method $path', async ({ door, method, path, operation }) => {
    const { status, body } = await send(door, operation, method, path, { 'no such field': 1 })
    // Some calls look up the objects in the path first.
    expect([400, 403, 404, 410]).toContain(status)
    if (status === 400) expect(body.error).toContain('no such field')
  })

  test('by an endpoint too', async () => {
    const { status, body } = await platform.request('/p/acme/main/add-note', {
      body: { author: 'x', text: 'y', utm_source: 'mail' },
    })
    expect([status, body.fields]).toEqual([400, { utm_source: expect.any(String) }])
  })
})

test('what is in the path wins over parameters and fields', async () => {
  await platform.request('/v1/databases', { token: made.token, body: { slug: 'second' } })
  const one = await platform.request('/v1/databases/second?slug=main', { token: made.token })
  expect(one.body.data.slug).toBe('second')
  const listed = await owner.request('/api/namespaces/acme/databases/second/saved-queries?db=main&ns=other')
  expect(listed.status).toBe(200)
  const path = '/v1/db/acme/second/saved-queries'
  const body = { ns: 'other', db: 'main', name: 'here', sql: 'SELECT 1' }
  await platform.request(path, { token: made.token, body })
  const there = await platform.request('/v1/db/acme/main/saved-queries', { token: made.token })
  expect(there.body.data).toEqual([])
})
