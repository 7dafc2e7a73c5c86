import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { DocumentSchemas, findProblems } from '../openapi-document.ts'

let platform: TestPlatform
let token: string
let main: Awaited<ReturnType<typeof createEndpoints>>

beforeAll(async () => {
  platform = await startPlatform()
  const acme = await platform.createNamespace('acme')
  token = acme.token
  main = await createEndpoints(platform, acme)
})
afterAll(() => platform.stop())

const usage = async () => (await platform.request('/v1/usage', { token })).body.data

describe('an endpoint', () => {
  test('answers once it is published, and not before', async () => {
    const created = await main.manage('', { body: specs.list })
    expect(created.body.data).toMatchObject({ slug: 'list-notes', status: 'draft', version: 1, publishedAt: null })
    expect(created.body.data.url).toBe(`${platform.url}/p/acme/main/list-notes`)
    const unknown = await main.call('list-notes?author=ada')
    expect([unknown.status, unknown.body]).toEqual([
      404,
      { ok: false, error: 'Endpoint "list-notes" not found.', code: 'endpoint_not_found' },
    ])
    await main.manage('/list-notes/publish', { body: {} })
    const { status, body } = await main.call('list-notes?author=ada')
    expect([status, body]).toEqual([200, { ok: true, data: { columns: ['id', 'text'], rows: [[1, 'first']] } }])
  })

  test('writes, and is one request with its rows, by its name', async () => {
    await main.publish(specs.add)
    const before = await usage()
    const { body } = await main.call('add-note', { body: { author: 'eve', text: 'third' } })
    expect(body).toEqual({ ok: true, data: { rowsWritten: 2 } })
    const after = await usage()
    expect(after.spend.requests.quantity - before.spend.requests.quantity).toBe(1)
    expect(after.spend.rowsWritten.quantity - before.spend.rowsWritten.quantity).toBe(2)
    expect(after.tokens).toContainEqual(expect.objectContaining({ token: 'endpoint:add-note', requests: 1 }))
    const logged = await main.admin.query(
      "SELECT operation, sql, rows_written, status FROM _persql_query_log WHERE token_id = 'endpoint:add-note'",
    )
    expect(logged.body.data.rows).toEqual([['endpoint', specs.add.sql, 2, 200]])
  })

  test('gives one row as an object, or null', async () => {
    const one = { ...specs.list, slug: 'one', sql: 'SELECT id, text FROM notes WHERE author = ?', output: 'first_row' }
    await main.publish(one)
    expect((await main.call('one?author=bob')).body).toEqual({ ok: true, data: { row: { id: 2, text: 'second' } } })
    expect((await main.call('one?author=nobody')).body).toEqual({ ok: true, data: { row: null } })
  })

  test('reports all problems of its input by field, without billing the call', async () => {
    const before = await usage()
    const { status, body } = await main.call('add-note', { body: { text: 7, more: 1 } })
    expect(status).toBe(400)
    expect(body).toMatchObject({
      ok: false,
      code: 'fields_refused',
      fields: { author: 'This field is required.', text: 'Must be a string.', more: 'Unknown field.' },
    })
    expect((await usage()).spend.requests.quantity).toBe(before.spend.requests.quantity)
  })

  test('reports constraint violations without details of the schema', async () => {
    const taken = await main.call('add-note', { body: { author: 'eve', text: 'first' } })
    expect([taken.status, taken.body]).toEqual([
      409,
      {
        ok: false,
        error: 'These values conflict with existing data. Change them, or reload and try again.',
        code: 'conflict',
        fields: { text: 'Already taken.' },
      },
    ])
    await main.admin.query('CREATE TABLE gone (n)')
    await main.publish({ ...specs.list, slug: 'gone', sql: 'SELECT n FROM gone', input: [] } as never)
    await main.admin.query('DROP TABLE gone')
    const broken = await main.call('gone')
    expect([broken.status, broken.body]).toEqual([
      500,
      {
        ok: false,
        error: 'This endpoint is failing. Its owner can find the reason in the query log.',
        code: 'endpoint_failed',
      },
    ])
    const log = await main.admin.query("SELECT error FROM _persql_query_log WHERE token_id = 'endpoint:gone'")
    expect(log.body.data.rows).toEqual([['no such table: gone']])
  })
})

describe('a spec', () => {
  const refused = async (spec: object) => {
    const { status, body } = await main.manage('', { body: { ...specs.list, slug: 'refused', ...spec } })
    return [status, body.code, body.fields]
  }
  test.each<[string, object, unknown[]]>([
    ['that writes as a query', { sql: 'DELETE FROM notes WHERE author = ?' }, ['sql']],
    ['that writes through RETURNING', { sql: "UPDATE notes SET text = 'x' WHERE author = ? RETURNING id" }, ['sql']],
    ['with named parameters', { sql: 'SELECT :a' }, ['sql']],
    ['with another number of parameters', { sql: 'SELECT ?, ?' }, ['input']],
    [
      'with a pattern that can take forever',
      { input: [{ name: 'a', type: 'text', pattern: '(a)\\1' }] },
      ['input[0].pattern'],
    ],
    [
      'of users that are not there',
      { ...specs.login, slug: 'refused', authConfig: { usersTable: 'nobody' } },
      ['authConfig.usersTable'],
    ],
    [
      'of users without passwords',
      { ...specs.login, slug: 'refused', authConfig: { usersTable: 'notes', emailColumn: 'text' } },
      ['authConfig.usersTable'],
    ],
    [
      'of users without a unique e-mail',
      { ...specs.login, slug: 'refused', authConfig: { usersTable: 'users', emailColumn: 'password_hash' } },
      ['authConfig.emailColumn'],
    ],
    [
      'of a login that selects no hash',
      { ...specs.login, slug: 'refused', sql: 'SELECT id FROM users WHERE email = ?' },
      ['sql'],
    ],
    [
      'of a sign-up that returns nothing',
      { ...specs.signup, slug: 'refused', sql: 'INSERT INTO users (email, password_hash) VALUES (?, ?)' },
      ['sql'],
    ],
    ['that changes the schema', { ...specs.add, slug: 'refused', sql: 'CREATE TABLE x (n)', input: [] }, ['sql']],
  ])('%s is refused when it is saved', async (_what, spec, fields) => {
    const [status, code, named] = await refused(spec)
    expect([status, code]).toEqual([400, 'invalid_spec'])
    expect(Object.keys(named)).toEqual(fields)
  })

  test('is refused with what SQLite says of its statement', async () => {
    const { body } = await main.manage('', { body: { ...specs.list, slug: 'refused', sql: 'SELEC ?' } })
    expect(body).toMatchObject({ code: 'sql_error', errorDetail: { kind: 'syntax_error', near: 'SELEC' } })
    const several = await main.manage('', { body: { ...specs.list, slug: 'refused', sql: 'SELECT ?; SELECT 1' } })
    expect(several.body.code).toBe('multiple_statements')
    const shape = await main.manage('', { body: { ...specs.list, slug: 'Refused', method: 'PUT' } })
    expect(shape.body).toMatchObject({
      code: 'invalid_input',
      fields: { slug: expect.any(String), method: expect.any(String) },
    })
  })

  test('cannot access more tables than the token that saves it', async () => {
    const minted = await platform.request('/v1/tokens', { token, body: { name: 'notes', tableScope: ['notes'] } })
    const scoped = platform.database('acme', 'main', minted.body.data.token)
    const users = { ...specs.list, slug: 'scoped', sql: 'SELECT email FROM users WHERE email = ?' }
    expect((await scoped.request('/endpoints', { body: users })).body.code).toBe('table_out_of_scope')
    const notes = { ...specs.list, slug: 'scoped' }
    expect((await scoped.request('/endpoints', { body: notes })).status).toBe(200)
    await scoped.request('/endpoints/scoped/publish', { body: {} })
    expect((await main.call('scoped?author=ada')).status).toBe(200)
    // The name now refers to another object, and the endpoint rejects it.
    await main.admin.query('ALTER TABLE notes RENAME TO notes2')
    await main.admin.query('CREATE VIEW notes AS SELECT id, email AS author, password_hash AS text FROM users')
    expect((await main.call('scoped?author=ada')).body.code).toBe('endpoint_failed')
    await main.admin.query('DROP VIEW notes')
    await main.admin.query('ALTER TABLE notes2 RENAME TO notes')
  })
})

describe('managing', () => {
  test('changes, pauses, publishes and deletes with the next call', async () => {
    const path = '/list-notes'
    const status = async () => (await main.call('list-notes?author=ada')).status
    expect(await status()).toBe(200)
    const changed = await main.manage(path, {
      method: 'PATCH',
      body: { sql: 'SELECT text FROM notes WHERE author = ? LIMIT 1', description: 'One note' },
    })
    expect(changed.body.data).toMatchObject({ version: 2, status: 'published', spec: { description: 'One note' } })
    expect((await main.call('list-notes?author=ada')).body.data.columns).toEqual(['text'])
    expect((await main.manage(`${path}/pause`, { body: {} })).body.data.status).toBe('paused')
    expect(await status()).toBe(404)
    await main.manage(`${path}/publish`, { body: {} })
    expect(await status()).toBe(200)

    const plain = await main.manage(path, { method: 'PATCH', body: { description: null } })
    expect(plain.body.data.spec).not.toHaveProperty('description')
    const bad = await main.manage(path, { method: 'PATCH', body: { sql: 'DELETE FROM notes' } })
    expect(bad.body.code).toBe('invalid_spec')
    expect((await main.manage(path)).body.data.version).toBe(3)

    const versions = (await main.manage(`${path}/versions`)).body.data
    expect(versions.map(({ version }: { version: number }) => version)).toEqual([3, 2, 1])
    expect(versions[2].spec.sql).toBe(specs.list.sql)
    const back = await main.manage(`${path}/publish`, { body: { version: 1 } })
    expect(back.body.data).toMatchObject({ version: 4, spec: { sql: specs.list.sql } })
    expect((await main.call('list-notes?author=ada')).body.data.columns).toEqual(['id', 'text'])
    const never = await main.manage(`${path}/publish`, { body: { version: 99 } })
    expect([never.status, never.body.code]).toEqual([404, 'version_not_found'])

    expect((await main.manage(path, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
    expect(await status()).toBe(404)
    expect((await main.manage(path)).body.code).toBe('endpoint_not_found')
    expect((await main.manage(`${path}/versions`)).body.code).toBe('endpoint_not_found')
    await main.publish(specs.list)
    expect((await main.manage('', { body: specs.list })).body).toMatchObject({ code: 'slug_taken' })
  })

  test('survives a crash, and so does what was published', async () => {
    await platform.kill()
    await platform.restart()
    expect((await main.call('list-notes?author=ada')).status).toBe(200)
  })

  test('is recorded in the audit log, each action once', async () => {
    const ada = await platform.signUp('ada@example.com')
    const path = '/api/namespaces/ada/databases/main'
    await ada.request(`${path}/query`, { body: { sql: 'CREATE TABLE notes (author TEXT, id INTEGER, text TEXT)' } })
    expect((await ada.request(`${path}/endpoints`, { body: specs.list })).status).toBe(200)
    await ada.request(`${path}/endpoints/list-notes/publish`, { body: {} })
    await ada.request(`${path}/endpoints/list-notes/pause`, { body: {} })
    await ada.request(`${path}/endpoints/list-notes`, { method: 'DELETE' })
    const listEvents = async () => {
      const { body } = await ada.request('/api/namespaces/ada/audit')
      return body.data.filter(({ action }: { action: string }) => action.startsWith('endpoint.'))
    }
    await expect.poll(async () => (await listEvents()).length).toBe(4)
    const actor = `user:${ada.userId}`
    expect(await listEvents()).toMatchObject([
      { action: 'endpoint.deleted', target: 'main/list-notes', actor },
      { action: 'endpoint.unpublished', target: 'main/list-notes', actor },
      { action: 'endpoint.published', target: 'main/list-notes', actor },
      { action: 'endpoint.created', target: 'main/list-notes', actor },
    ])
    const { spend } = (await ada.request('/api/namespaces/ada/usage')).body.data
    expect(spend.requests.quantity).toBe(1)
  })
})

describe('trying', () => {
  test('answers as the public would be answered, and takes back what it wrote', async () => {
    await main.manage('', { body: { ...specs.add, slug: 'try-note' } })
    const tried = await main.manage('/try-note/try', { body: { input: { author: 'ada', text: 'tried' } } })
    expect(tried.body.data).toEqual({
      status: 200,
      body: { ok: true, data: { rowsWritten: 2 } },
      rowsRead: expect.any(Number),
      rowsWritten: 2,
    })
    const left = await main.admin.query("SELECT count(*) FROM notes WHERE text = 'tried'")
    expect(left.body.data.rows).toEqual([[0]])
    const wrong = await main.manage('/try-note/try', { body: { input: { author: 7 } } })
    expect(wrong.body.data).toMatchObject({ status: 400, body: { ok: false, fields: { author: 'Must be a string.' } } })
  })

  test('accepts unsaved changes and any session, and returns the reason of a failure', async () => {
    const changes = { sql: 'SELECT id, text FROM notes WHERE author = ? LIMIT 0' }
    const tried = await main.manage('/list-notes/try', { body: { input: { author: 'ada' }, changes } })
    expect(tried.body.data.body).toEqual({ ok: true, data: { columns: ['id', 'text'], rows: [] } })
    expect((await main.call('list-notes?author=ada')).body.data.rows).toHaveLength(1)
    await main.manage('', { body: specs.me })
    const anonymous = await main.manage('/me/try', { body: {} })
    expect(anonymous.body.data).toMatchObject({ status: 401, body: { code: 'session_missing' } })
    const ada = await main.manage('/me/try', { body: { session: { userId: 5, email: 'ada@example.com' } } })
    expect(ada.body.data.body.data.row).toMatchObject({ id: 5, email: 'ada@example.com' })
    const taken = await main.manage('/try-note/try', { body: { input: { author: 'ada', text: 'first' } } })
    expect(taken.body.data).toMatchObject({ status: 409, reason: 'UNIQUE constraint failed: notes.text' })
  })

  test('creates no user', async () => {
    await main.manage('', { body: specs.signup })
    const body = { input: { email: 'try@example.com', password: 'secret' } }
    const { data } = (await main.manage('/signup/try', { body })).body
    expect(data).toMatchObject({ status: 200, body: { ok: true, data: { token: 'Not issued in a test call.' } } })
    expect((await main.admin.query('SELECT count(*) FROM users')).body.data.rows).toEqual([[0]])
  })
})

test('what is published can be discovered by anyone, for half a minute from a cache', async () => {
  const { status, headers, body } = await main.call('.well-known/endpoints.json', {
    headers: { origin: 'https://a.example' },
  })
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('public, max-age=30')
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(body).toMatchObject({ namespace: 'acme', database: 'main' })
  const names = body.endpoints.map(({ name }: { name: string }) => name)
  expect(names).toContain('list_notes')
  expect(names).not.toContain('try_note')
  expect(body.endpoints[names.indexOf('list_notes')]).toEqual({
    name: 'list_notes',
    description: 'Notes of an author',
    input_schema: {
      type: 'object',
      properties: { author: { type: 'string', maxLength: 200 } },
      required: ['author'],
      additionalProperties: false,
    },
    url: `${platform.url}/p/acme/main/list-notes`,
    method: 'GET',
  })
  expect(JSON.stringify(body)).not.toContain('SELECT')
  expect((await platform.request('/p/acme/other/.well-known/endpoints.json')).status).toBe(404)
  expect((await platform.request('/p/nobody/main/.well-known/endpoints.json')).status).toBe(404)
})

test('the published endpoints of a database have a valid OpenAPI document, which their answers keep to', async () => {
  for (const spec of [specs.signup, specs.login, specs.me]) {
    await main.manage('', { body: spec })
    await main.manage(`/${spec.slug}/publish`, { body: {} })
  }
  const { status, headers, body: document } = await main.call('openapi.json')
  expect([status, headers.get('access-control-allow-origin')]).toEqual([200, '*'])
  expect(await findProblems(document)).toEqual([])
  expect(document.servers).toEqual([{ url: `${platform.url}/p/acme/main` }])
  const schemas = new DocumentSchemas(document)
  const documented = async (slug: string, method: string, answer: ReturnType<typeof main.call>) => {
    const given = await answer
    expect(schemas.problemsOfResponse(`/${slug}`, method, given), JSON.stringify(given.body)).toEqual([])
    return given.status
  }
  const credentials = { email: 'doc@example.com', password: 'secret' }
  const answers = [
    await documented('list-notes', 'get', main.call('list-notes?author=ada')),
    await documented('list-notes', 'get', main.call('list-notes')),
    await documented('one', 'get', main.call('one?author=ada')),
    await documented('add-note', 'post', main.call('add-note', { body: { author: 'doc', text: 'documented' } })),
    await documented('add-note', 'post', main.call('add-note', { body: { author: 'doc', text: 'documented' } })),
    await documented('signup', 'post', main.call('signup', { body: credentials })),
    await documented('login', 'post', main.call('login', { body: credentials })),
    await documented('login', 'post', main.call('login', { body: { ...credentials, password: 'x' } })),
    await documented('me', 'get', main.call('me')),
    await documented('gone', 'get', main.call('gone')),
  ]
  expect(answers).toEqual([200, 400, 200, 200, 409, 200, 200, 401, 401, 500])
})

test('deleting the database ends its endpoints', async () => {
  const acme = await platform.createNamespace('acme', 'short')
  const short = await createEndpoints(platform, acme, 'short')
  await short.publish(specs.list)
  expect((await short.call('list-notes?author=ada')).status).toBe(200)
  await platform.request('/v1/databases/short', { token, method: 'DELETE' })
  expect((await short.call('list-notes?author=ada')).status).toBe(404)
  await platform.request('/v1/databases', { token, body: { slug: 'short' } })
  expect((await short.call('list-notes?author=ada')).status).toBe(404)
})
