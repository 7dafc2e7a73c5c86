import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const LEVELS = 1_000_000
const some = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const nestObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const [arrays, objects] = [some(LEVELS), nestObjects(LEVELS)]

let platform: TestPlatform
let token: string
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('acme@example.com')
  ;({ token } = await platform.createNamespace('acme'))
  const { query } = platform.database('acme', 'main', token)
  await query('CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT)')
  const spec = {
    slug: 'add',
    name: 'Add',
    kind: 'mutation',
    method: 'POST',
    sql: 'INSERT INTO t (doc) VALUES (?)',
    input: [{ name: 'doc', type: 'json' }],
    output: 'rows_written',
  }
  for (const [path, body] of [
    ['/v1/db/acme/main/endpoints', spec],
    ['/v1/db/acme/main/endpoints/add/publish', {}],
  ] as const) {
    expect((await platform.request(path, { token, body })).status).toBe(200)
  }
})
afterAll(() => platform.stop())

const operations = Object.entries(api as Record<string, Operation>).flatMap(([name, operation]) =>
  getEntryPoints(operation)
    .filter(([, { method }]) => /^(POST|PUT|PATCH)$/.test(method))
    .map(([door, { method, path }]) => {
      const at = path
        .replace('{ns}', 'acme')
        .replace('{db}', 'main')
        .replace(/\{\w+\}/g, 'add')
      return [name, door, method, at] as const
    }),
)

test.each(operations)('%s through the %s door: %s %s does not fail with a 5xx', async (name, door, method, path) => {
  const { scope }: Operation = api[name as keyof typeof api]
  const caller = scope === 'operator' ? platform.secret : token
  const send = (body: string) =>
    door === 'session' ? owner.request(path, { method, body }) : platform.request(path, { method, token: caller, body })
  for (const body of [`{"name":${some(20_000)}}`, `{"deep":${nestObjects(20_000)}}`]) {
    const { status } = await send(body)
    expect([400, 403, 404, 405, 410, 429].includes(status), `${status}`).toBe(true)
  }
})

describe('JSON that is nested up to a million deep', () => {
  test.each<[string, string, string]>([
    ['claims', '/v1/tokens', `{"name":"deep","claims":{"a":${arrays}}}`],
    ['claims of objects', '/v1/tokens', `{"name":"deep","claims":${objects}}`],
    ['parameters', '/v1/db/acme/main/query', `{"sql":"SELECT ?","params":[${arrays}]}`],
    [
      'parameters behind an integer that is looked for in the text',
      '/v1/db/acme/main/query',
      `{"sql":"SELECT ?, ?","params":[9007199254740993,${arrays}]}`,
    ],
    ['a batch', '/v1/db/acme/main/batch', `{"statements":[{"sql":"SELECT 1","expect":${objects}}]}`],
    ['sample input', '/v1/db/acme/main/endpoints/add/try', `{"input":{"doc":${objects}}}`],
    ['input of an endpoint', '/p/acme/main/add', `{"doc":${some(500_000)}}`],
    ['input of no field', '/p/acme/main/add', `{"none":${some(500_000)}}`],
    [
      'arguments of a tool',
      '/mcp',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":${objects}}}`,
    ],
    ['a message', '/mcp', `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":${objects}}}`],
    ['a line of NDJSON', '/v1/db/acme/main/import?format=ndjson&table=t', `{"doc":${objects}}\n`],
  ])('is refused: %s', async (_, path, body) => {
    const headers = { accept: 'application/json, text/event-stream' }
    const { status } = await platform.request(path, {
      token: path.startsWith('/p/') ? undefined : token,
      body,
      headers,
    })
    expect(status).toBe(400)
  })

  test('is refused by a registration and a sign-up, which take little', async () => {
    const deep = some(30_000)
    const register = await platform.request('/oauth/register', { body: `{"redirect_uris":${deep}}` })
    expect([register.status, register.body.error]).toEqual([400, 'invalid_request'])
    const signUp = await platform.request('/api/auth/sign-up/email', {
      body: `{"email":"deep@example.com","password":"correct horse battery","name":"d","more":${deep}}`,
    })
    expect(signUp.status).toBe(400)
  })
})

test('what an application sends is taken: 100 levels, and any number of brackets in text', async () => {
  const claims = { a: JSON.parse(some(100)) }
  const minted = await platform.request('/v1/tokens', { token, body: { name: 'fine', claims } })
  expect([minted.status, minted.body.data.claims]).toEqual([200, claims])
  const sql = `SELECT '${'[{'.repeat(10_000)}' AS n`
  expect((await platform.database('acme', 'main', token).query(sql)).body.data.rows[0][0]).toHaveLength(20_000)
  expect((await platform.request('/p/acme/main/add', { body: { doc: JSON.parse(some(90)) } })).status).toBe(200)
})

test('nothing of this is in the log as a failure of ours', () => {
  expect(platform.stderr.filter((line) => line.includes('internal_error'))).toEqual([])
})
