import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform()
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.discard())

const entries = async () => (await platform.readRequestLog()).map((line) => JSON.parse(line) as Record<string, unknown>)
const until = async (check: () => Promise<boolean>) => {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 50))
}

test('a response and the request log have the ID that the caller sent, or a new one', async () => {
  const paths = [
    '/v1/databases',
    '/v1/db/acme/main/tables',
    '/p/acme/main/nothing',
    '/login',
    '/favicon.svg',
    '/nothing',
  ]
  for (const path of paths) {
    const sent = await platform.request(path, { token, headers: { 'X-Request-Id': `trace${path}` } })
    expect(sent.headers.get('X-Request-Id'), path).toBe(`trace${path}`)
    await until(async () => (await entries()).some(({ requestId }) => requestId === `trace${path}`))
  }
  const [first, second, invalid] = await Promise.all([
    platform.request('/v1/databases', { token }),
    platform.request('/v1/databases', { token }),
    platform.request('/v1/databases', { token, headers: { 'X-Request-Id': 'a b' } }),
  ])
  const ids = [first, second, invalid].map(({ headers }) => headers.get('X-Request-Id'))
  expect(new Set(ids).size).toBe(3)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/)
})

/** Overwrites the file of the Directory, which every entry point asks. */
async function damageDirectory(): Promise<void> {
  const folder = join(platform.data, 'objects/directory')
  const [name] = readdirSync(folder).filter((each) => /^[0-9a-f]{64}\.sqlite$/.test(each))
  await platform.kill()
  const file = join(folder, String(name))
  writeFileSync(file, readFileSync(file).fill(0xa5))
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
  await platform.restart()
}

test('an internal error has the ID of the request at every entry point', async () => {
  const secret = platform.secret
  const cookie = (await platform.signUp('ada@example.com')).cookie
  const forms = { 'content-type': 'application/x-www-form-urlencoded', origin: platform.url }
  const tool = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
  await damageDirectory()
  const table: Record<string, (headers: Record<string, string>) => Promise<Answer>> = {
    'an operation of the namespace': (headers) => platform.request('/v1/databases', { token, headers }),
    'an operation of a database': (headers) =>
      platform.request('/v1/db/acme/main/query', { token, headers, body: { sql: 'SELECT 1' } }),
    'an operation of the operator': (headers) =>
      platform.request('/api/operator/namespaces', { token: secret, headers }),
    'an operation of the console': (headers) =>
      platform.request('/api/namespaces', { headers: { ...headers, cookie, origin: platform.url } }),
    MCP: (headers) =>
      platform.request('/mcp', {
        token,
        headers: { ...headers, accept: 'application/json, text/event-stream' },
        body: tool,
      }),
    'a public endpoint': (headers) => platform.request('/p/acme/main/hello', { headers }),
    'a custom hostname': (headers) => platform.requestAt('shop.example.com', '/hello', headers),
    'the page of an approval': (headers) =>
      platform.request(`/approve/appr_acme.main_${'a'.repeat(32)}`, { headers: { ...headers, cookie } }),
    'the sign-in form': (headers) =>
      platform.request('/login', {
        headers: { ...headers, ...forms },
        body: 'email=a@example.com&password=secret-secret',
      }),
    'the consent page of OAuth': (headers) =>
      platform.request('/oauth/authorize?client_id=x', { headers: { ...headers, cookie } }),
    'the token endpoint of OAuth': (headers) =>
      platform.request('/oauth/token', {
        headers: { ...headers, ...forms },
        body: 'grant_type=authorization_code&client_id=x&code=psql_oauth_acme_user1:grant1:secret1',
      }),
  }
  for (const [name, send] of Object.entries(table)) {
    const id = `at-${name.replaceAll(' ', '-')}`
    const { status, headers, body } = await send({ 'X-Request-Id': id })
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    expect(headers.get('X-Request-Id'), name).toBe(id)
    expect(text, name).toContain(`Request ID: ${id}.`)
    expect(status, name).toBe(name === 'the token endpoint of OAuth' ? 503 : 500)
    const details = body.error?.data ?? body
    if (details.code !== undefined) expect(details, name).toMatchObject({ code: 'internal', requestId: id })
    await until(async () => platform.stderr.some((line) => line.includes(`"requestId":"${id}"`)))
  }
})
