import { api } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, type RequestOptions, startPlatform, type TestPlatform } from '../harness.ts'
import { type Document, DocumentSchemas, findProblems, listOperations } from '../openapi-document.ts'

let platform: TestPlatform
let token: string
let person: Awaited<ReturnType<TestPlatform['signUp']>>
let served: Answer
let document: Document
let schemas: DocumentSchemas

beforeAll(async () => {
  platform = await startPlatform()
  token = (await platform.createNamespace('acme')).token
  person = await platform.signUp('ada@example.com')
  served = await platform.request('/api/openapi.json', { headers: { Origin: 'https://elsewhere.example' } })
  document = served.body
  schemas = new DocumentSchemas(document)
})
afterAll(() => platform.stop())

/** The answer to a call, once it turned out to be one that the document describes. */
async function documented(operationId: string, answer: Answer | Promise<Answer>): Promise<Answer> {
  const given = await answer
  const described = listOperations(document).find((operation) => operation.operationId === operationId)
  if (!described) throw new Error(`Operation ${operationId} not found.`)
  expect(schemas.problemsOfResponse(described.path, described.method, given), operationId).toEqual([])
  const headers = Object.keys(described.operation.responses[given.status].headers ?? {})
  for (const name of headers) if (!name.endsWith('Replayed')) expect(given.headers.get(name), name).not.toBeNull()
  return given
}
const call = (operationId: string, path: string, options?: RequestOptions) =>
  documented(operationId, platform.request(path, { token, ...options }))
const asPerson = (operationId: string, path: string, options?: RequestOptions) =>
  documented(operationId, person.request(path, options))

test('anybody may read the document, from pages of other sites too, and keep it for a while', () => {
  expect(served.status).toBe(200)
  expect(served.headers.get('Content-Type')).toBe('application/json')
  expect(served.headers.get('Access-Control-Allow-Origin')).toBe('*')
  expect(served.headers.get('Cache-Control')).toBe('public, max-age=300')
})

test('it is valid, names this instance, and holds every operation', async () => {
  expect(await findProblems(document)).toEqual([])
  expect(document.openapi).toMatch(/^3\.1\./)
  expect(document.servers).toEqual([{ url: platform.url }])
  const ids = listOperations(document).map(({ operationId }) => operationId)
  expect(ids).toEqual(expect.arrayContaining(Object.keys(api)))
})

test('it is another under another name of the instance, however many there are', async () => {
  const port = new URL(platform.url).port
  for (let i = 0; i < 30; i++) {
    const url = `http://name-${i}.localhost:${port}`
    const { body } = await platform.requestAt(new URL(url).host, '/api/openapi.json')
    expect(body.servers).toEqual([{ url }])
  }
  expect((await platform.request('/api/openapi.json')).body).toEqual(document)
})

describe('real answers are those that it documents', () => {
  test('of calls with a token', async () => {
    const db = '/v1/db/acme/main'
    const sql = (text: string, ...params: unknown[]) => ({ body: { sql: text, params } })
    await call('query', `${db}/query`, sql('CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB UNIQUE, r REAL)'))
    await call('query', `${db}/query`, sql('INSERT INTO t (b, r) VALUES (?, 0.5)', { base64: 'AQI=' }))
    const { body } = await call('query', `${db}/query`, sql('SELECT *, NULL, ? FROM t', 'x'))
    expect(body.data.rows).toEqual([[1, { base64: 'AQI=' }, 0.5, null, 'x']])
    await call('query', `${db}/query`, sql('CREATE VIEW v AS SELECT id FROM t'))
    const statements = [{ sql: 'SELECT 1' }, { sql: 'DELETE FROM t WHERE id = 9', expect: { rowsWritten: 0 } }]
    await call('batch', `${db}/batch`, { body: { statements, transaction: true } })
    await call('validate', `${db}/validate`, sql('SELECT 1'))
    expect((await call('validate', `${db}/validate`, sql('SELECT nothing'))).body.data.ok).toBe(false)
    await call('explain', `${db}/explain`, sql('SELECT * FROM t'))
    await call('list_tables', `${db}/tables`)
    expect((await call('get_schema', `${db}/schema`)).body.data.views).toHaveLength(1)
    await call('list_databases', '/v1/databases')
    await call('create_database', '/v1/databases', { body: { slug: 'more', name: 'More' } })
    await call('get_database', '/v1/databases/more')
    await call('delete_database', '/v1/databases/more', { method: 'DELETE' })
    const limited = { name: 'x', role: 'readonly', tableScope: ['t'], claims: { a: [1, { b: null }] }, expiresIn: 60 }
    const minted = await call('create_token', '/v1/tokens', { body: limited })
    expect((await call('list_tokens', '/v1/tokens')).body.data).toHaveLength(2)
    await call('get_token', `/v1/tokens/${minted.body.data.id}`)
    await call('rotate_token', `/v1/tokens/${minted.body.data.id}/rotate`, { body: {} })
    await call('revoke_token', `/v1/tokens/${minted.body.data.id}`, { method: 'DELETE' })
    await call('get_me', '/v1/me')
    await call('get_usage', '/v1/usage?from=2026-01-01&to=2026-02-01')
    expect((await call('get_billing', '/v1/billing')).body.data.ledger).toHaveLength(1)
  })

  test('of calls about endpoints', async () => {
    const path = '/v1/db/acme/main/endpoints'
    const body = { slug: 'one', name: 'One', kind: 'query', method: 'GET', sql: 'SELECT 1', input: [], output: 'rows' }
    await call('create_endpoint', path, { body })
    expect((await call('create_endpoint', path, { body: { ...body, sql: 'SELECT ?' } })).body.code).toBe('invalid_spec')
    expect((await call('create_endpoint', path, { body: { ...body, sql: '' } })).status).toBe(400)
    await call('update_endpoint', `${path}/one`, { method: 'PATCH', body: { rateLimit: { perMin: 9 } } })
    await call('publish_endpoint', `${path}/one/publish`, { body: {} })
    await call('publish_endpoint', `${path}/one/publish`, { body: { version: 9 } })
    await call('list_endpoints', path)
    await call('list_endpoint_versions', `${path}/one/versions`)
    await call('get_endpoint_traffic', `${path}/one/traffic`)
    await call('try_endpoint', `${path}/one/try`, { body: {} })
    await call('pause_endpoint', `${path}/one/pause`, { body: {} })
    await call('delete_endpoint', `${path}/one`, { method: 'DELETE' })
    await call('get_endpoint', `${path}/one`)
    await call('rotate_session_key', '/v1/db/acme/main/session_key/rotate', { body: {} })
    const session = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    await call('create_session', '/v1/sessions', { body: session })
    await call('ask', '/v1/db/acme/main/ask', { body: { question: 'How many?' } })
    await call('put_docs', '/v1/db/acme/main/ai/docs', { method: 'PUT', body: { tables: [] } })
    await call('get_docs', '/v1/db/acme/main/ai/docs')
    await call('set_description', '/v1/db/acme/main/describe', { method: 'PUT', body: { tables: [] } })
    await call('describe', '/v1/db/acme/main/describe')
    await call('describe', '/v1/db/acme/main/describe?format=compact')
    expect((await call('search', '/v1/db/acme/main/search?q=t&limit=1')).body.data.hits).toHaveLength(1)
    expect((await call('doctor', '/v1/db/acme/main/doctor')).body.data.findings).not.toHaveLength(0)
    await call('create_hostname', '/v1/db/acme/main/hostnames', { body: { hostname: 'api.example.com' } })
    await call('list_hostnames', '/v1/db/acme/main/hostnames')
  })

  test('of calls about saved queries', async () => {
    const path = '/v1/db/acme/main/saved-queries'
    const body = { name: 'one', sql: 'SELECT 1' }
    const { id } = (await call('create_saved_query', path, { body })).body.data
    expect((await call('create_saved_query', path, { body })).status).toBe(409)
    expect((await call('list_saved_queries', path)).body.data).toHaveLength(1)
    const patch = { method: 'PATCH', body: { sql: 'SELECT 2', ifVersion: 1 } }
    await call('update_saved_query', `${path}/${id}`, patch)
    expect((await call('update_saved_query', `${path}/${id}`, patch)).body.code).toBe('saved_query_changed')
    await call('delete_saved_query', `${path}/${id}`, { method: 'DELETE' })
    expect((await call('delete_saved_query', `${path}/${id}`, { method: 'DELETE' })).status).toBe(404)
  })

  test('of calls about migrations', async () => {
    const path = '/v1/db/acme/main/migrations'
    const body = { name: 'one', sql: 'CREATE TABLE m (n); CREATE INDEX i ON m (n); INSERT INTO m VALUES (1)' }
    const { id } = (await call('create_migration', path, { body })).body.data
    expect((await call('create_migration', path, { body })).body.code).toBe('migration_exists')
    expect((await call('create_migration', path, { body: { name: 'x', sql: 'SELEC 1' } })).status).toBe(400)
    await call('update_migration', `${path}/${id}`, { method: 'PATCH', body: { sql: 'INSERT INTO m VALUES (1)' } })
    expect((await call('try_migration', `${path}/${id}/try`, { body: {} })).body.data.ok).toBe(false)
    expect((await call('apply_migration', `${path}/${id}/apply`, { body: {} })).status).toBe(400)
    expect((await call('list_migrations', `${path}?limit=5`)).body.data[0].error.code).toBe('sql_error')
    await call('update_migration', `${path}/${id}`, { method: 'PATCH', body })
    expect((await call('try_migration', `${path}/${id}/try`, { body: {} })).body.data.ok).toBe(true)
    expect((await call('apply_migration', `${path}/${id}/apply`, { body: {} })).status).toBe(200)
    await call('list_migrations', path)
    expect((await call('delete_migration', `${path}/${id}`, { method: 'DELETE' })).status).toBe(409)
    await call('delete_migration', `${path}/mig_9`, { method: 'DELETE' })
    const changes = await call('list_schema_changes', '/v1/db/acme/main/schema_changes?limit=2')
    expect(changes.body.data).toHaveLength(2)
  })

  test('of calls of people', async () => {
    const ns = '/api/namespaces/ada'
    await asPerson('list_my_namespaces', '/api/namespaces')
    await asPerson('create_my_namespace', '/api/namespaces', { body: { slug: 'second' } })
    await asPerson('get_namespace', ns)
    await asPerson('query_as_member', `${ns}/databases/main/query`, { body: { sql: 'SELECT 1' } })
    await asPerson('list_databases_as_member', `${ns}/databases`)
    const invited = await asPerson('create_invitation', `${ns}/invitations`, {
      body: { email: 'bob@example.com', role: 'viewer' },
    })
    expect((await asPerson('list_invitations', `${ns}/invitations`)).body.data).toHaveLength(1)
    const bob = await platform.signUp('bob@example.com')
    const secret = new URL(invited.body.data.link).pathname.split('/').at(-1)
    await documented('accept_invitation', bob.request(`/api/invitations/${secret}/accept`, { method: 'POST' }))
    const share = { email: 'bob@example.com', role: 'editor' }
    await asPerson('share_database', `${ns}/databases/main/shares`, { body: share })
    expect((await asPerson('list_shares', `${ns}/databases/main/shares`)).body.data).toHaveLength(1)
    await asPerson('unshare_database', `${ns}/databases/main/shares/${bob.userId}`, { method: 'DELETE' })
    const role = { method: 'PATCH', body: { role: 'editor' } }
    await asPerson('set_member_role', `${ns}/members/${bob.userId}`, role)
    expect((await asPerson('list_members', `${ns}/members`)).body.data).toHaveLength(2)
    await asPerson('list_audit', `${ns}/audit?limit=50`)
    await asPerson('delete_namespace', '/api/namespaces/second', { method: 'DELETE' })

    const raised = await documented(
      'set_member_role',
      bob.request(`${ns}/members/${person.userId}`, { method: 'PATCH', body: { role: 'viewer' } }),
    )
    expect([raised.status, raised.body.code]).toEqual([403, 'role_insufficient'])
  })

  test('of calls of the operator, and of anybody', async () => {
    const secret = platform.secret
    const path = '/api/operator/namespaces'
    const body = { slug: 'globex', database: 'main', tokenName: 'first' }
    await call('create_namespace', path, { token: secret, body })
    await call('list_namespaces', path, { token: secret })
    await call('credit_namespace', `${path}/globex/credit`, { token: secret, body: { amountUsd: 1, note: 'x' } })
    await call('invite_to_namespace', `${path}/globex/invite`, {
      token: secret,
      body: { email: 'invited@example.com', role: 'owner' },
    })
    const owner = { token: secret, body: { email: 'nobody@example.com' } }
    expect((await call('make_namespace_owner', `${path}/globex/owner`, owner)).status).toBe(404)
    await call('suspend_namespace', `${path}/globex/suspend`, { token: secret, body: { note: 'x' } })
    await call('resume_namespace', `${path}/globex/resume`, { token: secret, body: { note: 'x' } })
    await call('get_status', '/api/status', { token: undefined })
    await call('list_packages', '/api/packages', { token: undefined })
    await asPerson('create_my_namespace', '/api/namespaces', { body: { slug: 'gone' } })
    await asPerson('delete_namespace', '/api/namespaces/gone', { method: 'DELETE' })
    expect((await call('create_namespace', path, { token: secret, body: { ...body, slug: 'gone' } })).status).toBe(409)
  })

  test('when they are replayed', async () => {
    const again = {
      body: { sql: 'SELECT 2' },
      headers: { 'Idempotency-Key': 'once', 'Plan-Key': 'p', 'Plan-Step': '1' },
    }
    await call('query', '/v1/db/acme/main/query', again)
    const { headers } = await call('query', '/v1/db/acme/main/query', again)
    const replayed = [...headers.keys()].filter((name) => name.endsWith('-replayed'))
    const described = document.paths['/v1/db/{ns}/{db}/query'].post.responses[200].headers
    const names = Object.keys(described).map((name) => name.toLowerCase())
    expect(replayed.length).toBeGreaterThan(0)
    expect(names).toEqual(expect.arrayContaining(replayed))
    const other = await call('query', '/v1/db/acme/main/query', { ...again, body: { sql: 'SELECT 3' } })
    expect(other.status).toBe(422)
  })

  const one = { sql: 'SELECT 1' }
  test.each<[code: string, operationId: string, path: string, options: RequestOptions]>([
    ['invalid_json', 'query', '/v1/db/acme/main/query', { body: '{' }],
    ['invalid_input', 'query', '/v1/db/acme/main/query', { body: {} }],
    ['sql_error', 'query', '/v1/db/acme/main/query', { body: { sql: 'SELECT nothing' } }],
    ['sql_error', 'batch', '/v1/db/acme/main/batch', { body: { statements: [one, { sql: 'SELECT nothing' }] } }],
    [
      'expectation_failed',
      'batch',
      '/v1/db/acme/main/batch',
      { body: { statements: [{ ...one, expect: { rows: 9 } }], transaction: true } },
    ],
    [
      'integer_out_of_range',
      'validate',
      '/v1/db/acme/main/validate',
      { body: '{"sql":"SELECT ?","params":[9007199254740993]}' },
    ],
    ['statement_not_allowed', 'explain', '/v1/db/acme/main/explain', { body: { sql: "ATTACH 'x' AS y" } }],
    ['token_missing', 'query', '/v1/db/acme/main/query', { token: undefined, body: one }],
    ['token_malformed', 'get_me', '/v1/me', { token: 'x' }],
    ['namespace_mismatch', 'query', '/v1/db/globex/main/query', { body: one }],
    ['database_not_found', 'get_database', '/v1/databases/none', {}],
    ['slug_taken', 'create_database', '/v1/databases', { body: { slug: 'main' } }],
    ['invalid_input', 'get_usage', '/v1/usage?from=2026-02-01&to=2026-01-01', {}],
    ['invalid_input', 'list_databases', '/v1/databases?pageSize=0', {}],
    ['body_too_large', 'create_token', '/v1/tokens', { body: 'x'.repeat(11 * 1024 * 1024) }],
    ['payments_unavailable', 'top_up', '/v1/billing/topup', { body: { amountUsd: 5 } }],
    ['not_signed_in', 'get_namespace', '/api/namespaces/ada', {}],
    ['operator_only', 'list_namespaces', '/api/operator/namespaces', {}],
  ])('when the call is refused with %s by %s', async (code, operationId, path, options) => {
    expect((await call(operationId, path, options)).body.code).toBe(code)
  })

  test('when a page of another origin, or a user who is not a member, calls', async () => {
    const foreign = { body: { slug: 'x' }, headers: { Origin: 'https://elsewhere.example' } }
    expect((await asPerson('create_my_namespace', '/api/namespaces', foreign)).body.code).toBe('origin_refused')
    expect((await asPerson('get_namespace', '/api/namespaces/acme')).body.code).toBe('namespace_not_found')
  })

  test('when there is nothing left to spend', async () => {
    const broke = await platform.createNamespace('broke')
    const credit = { token: platform.secret, body: { amountUsd: -5, note: 'x' } }
    await call('credit_namespace', '/api/operator/namespaces/broke/credit', credit)
    const { status } = await call('query', '/v1/db/broke/main/query', { token: broke.token, body: one })
    expect(status).toBe(402)
    expect((await call('list_databases', '/v1/databases', { token: broke.token })).status).toBe(402)
  })

  test('when an address asks too often', async () => {
    const narrow = await startPlatform({ environment: { FLOOD_PER_MINUTE: '3' } })
    const answers = []
    for (let i = 0; i < 10; i++) answers.push(await documented('get_status', narrow.request('/api/status')))
    await narrow.stop()
    expect(answers.map(({ status }) => status)).toContain(429)
  })
})

test('the cookie has the name that the document gives it', () => {
  expect(person.cookie).toContain(`${document.components.securitySchemes.session.name}=`)
})

test('the check of answers hears of what is not documented', async () => {
  const { status, body } = await call('get_me', '/v1/me')
  const more = { status, body: { ...body, data: { ...body.data, more: 1 } } }
  expect(schemas.problemsOfResponse('/v1/me', 'get', more)).not.toEqual([])
  const { tokenId, ...less } = body.data
  expect(tokenId).toBeDefined()
  expect(schemas.problemsOfResponse('/v1/me', 'get', { status, body: { ...body, data: less } })).not.toEqual([])
  const refused = { success: false, error: 'No.', code: 'slug_taken' }
  expect(schemas.problemsOfResponse('/v1/me', 'get', { status: 401, body: refused })).not.toEqual([])
})
