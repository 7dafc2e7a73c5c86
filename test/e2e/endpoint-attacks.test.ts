import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let main: Awaited<ReturnType<typeof createEndpoints>>
let other: Awaited<ReturnType<typeof createEndpoints>>
let session: string

beforeAll(async () => {
  platform = await startPlatform()
  const acme = await platform.createNamespace('acme')
  main = await createEndpoints(platform, acme)
  other = await createEndpoints(platform, await platform.createNamespace('evil'))
  for (const spec of [specs.list, specs.add, specs.signup, specs.login, specs.me]) {
    await main.publish(spec)
    await other.publish(spec)
  }
  const { body } = await main.call('signup', { body: { email: 'ada@example.com', password: 'secret' } })
  session = body.data.token
})
afterAll(() => platform.stop())

const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const decoded = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
const refused = async (answer: ReturnType<typeof main.call>) => {
  const { status, body } = await answer
  expect(body).toMatchObject({ ok: false, error: expect.any(String), code: expect.any(String) })
  return [status, body.code]
}

describe('SQL in the input', () => {
  test.each([
    "' OR '1'='1",
    "ada'; DROP TABLE notes; --",
    "ada' UNION SELECT password_hash, email FROM users --",
    '?1',
    ':author',
    'ada\0',
    '") OR ("1"="1',
    "ada' AND (SELECT count(*) FROM sqlite_master) > 0 --",
    '%',
    "\\'; DELETE FROM users; --",
  ])('%s is a value like any other', async (text) => {
    const read = await main.call(`list-notes?author=${encodeURIComponent(text)}`)
    expect([read.status, read.body]).toEqual([200, { ok: true, data: { columns: ['id', 'text'], rows: [] } }])
    const written = await main.call('add-note', { body: { author: text, text: `by ${text}` } })
    expect(written.status).toBe(200)
    const kept = await main.admin.query('SELECT text FROM notes WHERE author = ?', [text])
    expect(kept.body.data.rows).toEqual([[`by ${text}`]])
    const login = main.call('login', { body: { email: text, password: text } })
    expect(await refused(login)).toEqual([400, 'fields_refused'])
  })

  test('nothing of it was run', async () => {
    const { body } = await main.admin.query("SELECT count(*) FROM notes WHERE author IN ('ada', 'bob')")
    expect(body.data.rows).toEqual([[2]])
    expect((await main.admin.query('SELECT count(*) FROM users')).body.data.rows).toEqual([[1]])
  })
})

describe('fields that callers cannot send', () => {
  test.each(['$user_id', '$user_email', '$session_iat', '__proto__', 'constructor', 'password_hash', 'id', 'rowid'])(
    '%s in the body is refused',
    async (name) => {
      const body = `{"author": "eve", "text": "x", ${JSON.stringify(name)}: "1"}`
      expect(await refused(main.call('add-note', { body }))).toEqual([400, 'fields_refused'])
    },
  )
  test('$user_id in the query of an endpoint that takes it from the session is refused', async () => {
    expect(await refused(main.call('me?$user_id=7', { token: session }))).toEqual([400, 'fields_refused'])
    expect(await refused(main.call('me?%24user_id=7', { token: session }))).toEqual([400, 'fields_refused'])
  })
})

describe('a session that is not one', () => {
  const me = (token: string) => refused(main.call('me', { token }))
  const invalid = [401, 'session_invalid']
  const sign = (header: object, payload: object, key: string | Buffer, hash = 'sha256') => {
    const text = `${base64url(header)}.${base64url(payload)}`
    return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
  }
  const nowS = () => Math.floor(Date.now() / 1000)

  test('is required', async () => {
    expect((await main.call('me')).headers.get('www-authenticate')).toBe('Bearer')
    expect(await refused(main.call('me'))).toEqual([401, 'session_missing'])
    expect(await refused(main.call('me', { headers: { authorization: 'Basic YTpi' } }))).toEqual(invalid)
    expect(await refused(main.call('me', { headers: { authorization: 'Bearer ' } }))).toEqual(invalid)
  })

  test('is rejected without a signature, with any header', async () => {
    const [header, payload, signature] = session.split('.')
    const unsigned = ['none', 'None', 'NONE', 'nOnE'].map(
      (alg) => `${base64url({ ...decoded(header), alg })}.${payload}.`,
    )
    for (const token of [
      ...unsigned,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${unsigned[0]}${signature}`,
      'a.b.c',
      '...',
    ]) {
      expect(await me(token), token).toEqual(invalid)
    }
  })

  test('is refused under another key or algorithm', async () => {
    const { kid } = decoded(session.split('.')[0])
    const payload = { sub: '1', email: 'ada@example.com', iat: nowS(), exp: nowS() + 3600 }
    for (const key of ['', 'secret', String(kid), 'acme/main', platform.secret]) {
      expect(await me(sign({ alg: 'HS256', kid }, payload, key))).toEqual(invalid)
      expect(await me(sign({ alg: 'HS512', kid }, payload, key, 'sha512'))).toEqual(invalid)
    }
    expect(await me(sign({ alg: 'HS256', kid: '../../session-keys' }, payload, 'x'))).toEqual(invalid)
    expect(await me(sign({ alg: 'HS256', kid, jwk: { kty: 'oct', k: base64url('x') } }, payload, 'x'))).toEqual(invalid)
    expect(await me(sign({ alg: 'HS256', kid, crit: ['x'] }, payload, 'x'))).toEqual(invalid)
  })

  test('is refused once it is changed in a single place', async () => {
    const [header, payload, signature = ''] = session.split('.')
    const claims = decoded(payload)
    expect(await me(`${header}.${base64url({ ...claims, sub: '2' })}.${signature}`)).toEqual(invalid)
    expect(await me(`${header}.${base64url({ ...claims, exp: nowS() + 1e9 })}.${signature}`)).toEqual(invalid)
    const flipped = (signature[5] === 'A' ? 'B' : 'A') + signature.slice(6)
    expect(await me(`${header}.${payload}.${signature.slice(0, 5)}${flipped}`)).toEqual(invalid)
  })

  test('is rejected by another database, also by one with the same users', async () => {
    expect((await main.call('me', { token: session })).status).toBe(200)
    expect(await refused(other.call('me', { token: session }))).toEqual(invalid)
    const theirs = await other.call('signup', { body: { email: 'ada@example.com', password: 'secret' } })
    expect(await me(theirs.body.data.token)).toEqual(invalid)
  })

  test('is refused when it is an API token', async () => {
    const { body } = await platform.request('/api/operator/namespaces', {
      token: platform.secret,
      body: { slug: 'acme', database: 'main', tokenName: 'x' },
    })
    expect(await me(body.data.token.token)).toEqual(invalid)
  })
})

describe('bodies', () => {
  test('beyond a megabyte are rejected, with any declared length', async () => {
    const fits = JSON.stringify({ author: 'big', text: 'x'.repeat(1024 * 1024 - 30) })
    expect((await main.call('add-note', { body: fits })).status).toBe(200)
    const large = JSON.stringify({ author: 'big', text: 'x'.repeat(1024 * 1024) })
    expect(await refused(main.call('add-note', { body: large }))).toEqual([413, 'body_too_large'])
    const streamed = await fetch(`${platform.url}/p/acme/main/add-note`, {
      method: 'POST',
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(100_000))
          controller.close()
        },
      }),
      duplex: 'half',
    } as RequestInit)
    expect(streamed.status).toBe(413)
    expect(await refused(main.call('unknown', { body: large }))).toEqual([404, 'endpoint_not_found'])
  })

  test.each([
    ['nested without end', `{"author": ${'['.repeat(200_000)}`, 'invalid_json'],
    ['nested deeply', `{"author": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 'fields_refused'],
    ['nested in objects', `{"author": ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, 'fields_refused'],
    ['a list', '[{"author": "a", "text": "b"}]', 'invalid_input'],
    ['a text', '"author"', 'invalid_input'],
    ['nothing', 'null', 'invalid_input'],
    ['a form', 'author=a&text=b', 'invalid_json'],
    ['XML', '<author>a</author>', 'invalid_json'],
    ['with half a character', '{"author": "\\ud800", "text": "b"}', 'fields_refused'],
  ])('%s are refused', async (_what, body, code) => {
    expect(await refused(main.call('add-note', { body }))).toEqual([400, code])
  })

  test('that are no Unicode are refused', async () => {
    const body = Buffer.concat([Buffer.from('{"author": "'), Buffer.from([0xff, 0xfe]), Buffer.from('", "text": "b"}')])
    const response = await fetch(`${platform.url}/p/acme/main/add-note`, { method: 'POST', body })
    expect([response.status, await response.json()]).toMatchObject([400, { ok: false, code: 'invalid_json' }])
  })

  test('with ten thousand fields are refused with what is wrong', async () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, i]))
    expect(await refused(main.call('add-note', { body }))).toEqual([400, 'fields_refused'])
  })
})

test.each(['PUT', 'PATCH', 'DELETE', 'POST'])('%s is not taken by an endpoint for GET', async (method) => {
  const { status, headers } = await main.call('list-notes?author=ada', { method })
  expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
})

test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('%s is not taken by an endpoint for POST', async (method) => {
  const { status, headers } = await main.call('add-note', { method })
  expect([status, headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
})

describe('slugs', () => {
  test.each([
    'unknown',
    'List-Notes',
    'list-notes/',
    'list-notes/x',
    'list_notes',
    '',
    '%2e%2e%2fmain',
    'list-notes%00',
    "list-notes'--",
    'a'.repeat(2_000),
    '.well-known/',
    '.well-known/endpoints.json/x',
    '__proto__',
    'constructor',
  ])('%s is not found', async (slug) => {
    expect(await refused(main.call(slug))).toEqual([404, 'endpoint_not_found'])
  })
  test.each(['/p/acme/nowhere/x', '/p/nobody/main/x', '/p/acme%2Fmain/x/y', '/p/ACME/main/x', '/p/acme/ma%00in/x'])(
    'a database that is not there is not found: %s',
    async (path) => {
      expect(await refused(platform.request(path))).toEqual([404, 'database_not_found'])
    },
  )
})

describe('the address', () => {
  test('is that of the connection, with any headers', async () => {
    const spec = { ...specs.list, slug: 'once', rateLimit: { perMin: 1 } }
    await main.publish(spec)
    expect((await main.call('once?author=ada')).status).toBe(200)
    const claims: Record<string, string>[] = [
      { 'x-forwarded-for': '203.0.113.1' },
      { 'cf-connecting-ip': '203.0.113.2' },
      { 'true-client-ip': '203.0.113.3' },
      { 'x-real-ip': '203.0.113.4' },
      { forwarded: 'for=203.0.113.5' },
      { 'x-client-ip': '203.0.113.6', 'x-forwarded-for': '127.0.0.2, 127.0.0.3' },
    ]
    for (const headers of claims) {
      expect(await refused(main.call('once?author=ada', { headers }))).toEqual([429, 'rate_limited'])
    }
  })
})

test('a login takes a wrong password and an unknown e-mail for the same, in what it says and in what it does', async () => {
  const wrong = await main.call('login', { body: { email: 'ada@example.com', password: 'wrong' } })
  const unknown = await main.call('login', { body: { email: 'nobody@example.com', password: 'wrong' } })
  expect([wrong.status, wrong.body]).toEqual([
    401,
    { ok: false, error: 'Incorrect email or password.', code: 'login_failed' },
  ])
  expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body])
  const names = (headers: Headers) => [...headers.keys()].filter((name) => name !== 'date')
  expect(names(unknown.headers)).toEqual(names(wrong.headers))
  // A user without a valid hash can't log in, and the response doesn't reveal that.
  await main.admin.query(
    "INSERT INTO users (email, password_hash) VALUES ('blank@example.com', NULL), ('plain@example.com', 'secret')",
  )
  for (const email of ['blank@example.com', 'plain@example.com']) {
    const answer = await main.call('login', { body: { email, password: 'secret' } })
    expect([answer.status, answer.body]).toEqual([wrong.status, wrong.body])
  }
})

test('an endpoint gains no access when a trigger or a view is added', async () => {
  await main.admin.batch([
    { sql: 'CREATE TABLE audit (n)' },
    { sql: 'CREATE VIEW shown AS SELECT id, text, author FROM notes' },
  ])
  await main.publish({ ...specs.list, slug: 'shown', sql: 'SELECT id, text FROM shown WHERE author = ?' } as never)
  expect((await main.call('shown?author=ada')).status).toBe(200)
  await main.admin.batch([{ sql: 'DROP VIEW shown' }, { sql: 'CREATE TABLE shown (id, text, author)' }])
  expect((await main.call('shown?author=ada')).body.data.rows).toEqual([])
})
