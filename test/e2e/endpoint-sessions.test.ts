import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
let main: Awaited<ReturnType<typeof createEndpoints>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const acme = await platform.createNamespace('acme')
  token = acme.token
  main = await createEndpoints(platform, acme)
  for (const spec of [specs.signup, specs.login, specs.me]) await main.publish(spec)
})
afterAll(() => platform.stop())

const mint = (body: object, as = token) =>
  platform.request('/v1/sessions', { token: as, body: { namespaceSlug: 'acme', databaseSlug: 'main', ...body } })
const parseClaims = (session: string) => JSON.parse(Buffer.from(session.split('.')[1] ?? '', 'base64url').toString())
const me = async (session: string) => {
  const { status, body } = await main.call('me', { token: session })
  return status === 200 ? body.data.row : body.code
}
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })

describe('a session', () => {
  test('of a sign-up and of a login is a JWT of the user', async () => {
    const credentials = { email: 'Ada@example.com', password: 'correct horse' }
    const signedUp = (await main.call('signup', { body: credentials })).body.data
    const loggedIn = (await main.call('login', { body: credentials })).body.data
    for (const { token: session, expiresAt } of [signedUp, loggedIn]) {
      const { sub, email, iat, exp, ...rest } = parseClaims(session)
      expect([sub, email, exp - iat, rest]).toEqual(['1', 'Ada@example.com', 3600, {}])
      expect(new Date(expiresAt).getTime()).toBe(exp * 1000)
      expect(JSON.parse(Buffer.from(session.split('.')[0], 'base64url').toString())).toMatchObject({ alg: 'HS256' })
      expect(await me(session)).toEqual({ id: 1, email: 'Ada@example.com', iat })
    }
  })

  test('of another kind of key is that key', async () => {
    await main.admin.query(
      'CREATE TABLE members (name TEXT, uid TEXT PRIMARY KEY, mail TEXT UNIQUE, password_hash TEXT)',
    )
    await main.publish({
      ...specs.signup,
      slug: 'join',
      sql: 'INSERT INTO members (mail, password_hash, name, uid) VALUES (?, ?, ?, ?) RETURNING name, uid, mail',
      input: [...specs.signup.input, { name: 'name', type: 'text' }, { name: 'uid', type: 'text', required: true }],
      authConfig: { usersTable: 'members', emailColumn: 'mail' },
    } as never)
    const body = { email: 'eve@example.com', password: 'x', name: 'Eve', uid: 'u-7' }
    const { data } = (await main.call('join', { body })).body
    expect(parseClaims(data.token)).toMatchObject({ sub: 'u-7', email: 'eve@example.com' })
    expect(parseClaims(data.token).exp - parseClaims(data.token).iat).toBe(86_400)
    expect(await me(data.token)).toBe('session_invalid')
  })

  test('expires', async () => {
    const { data } = (await mint({ userId: 7, expiresIn: 60 })).body
    expect(await me(data.token)).toMatchObject({ id: 7 })
    await setAhead(59_000)
    expect(await me(data.token)).toMatchObject({ id: 7 })
    await setAhead(62_000)
    expect(await me(data.token)).toBe('session_invalid')
    await setAhead(0)
  })

  test('outlives a crash', async () => {
    const { data } = (await mint({ userId: 7 })).body
    await platform.kill()
    await platform.restart()
    expect(await me(data.token)).toMatchObject({ id: 7 })
  })
})

describe('a session that the app’s backend opens', () => {
  test('is for whom it says', async () => {
    const { body } = await mint({ userId: 'user_42', email: 'bob@example.com', expiresIn: 120 })
    expect(body.data).toEqual({ token: expect.any(String), expiresAt: expect.any(String), expiresIn: 120 })
    expect(parseClaims(body.data.token)).toMatchObject({ sub: 'user_42', email: 'bob@example.com' })
    expect((await mint({ userId: 1 })).body.data.expiresIn).toBe(3600)
  })

  test.each([
    ['another namespace', { namespaceSlug: 'other', userId: 1 }, 403, 'namespace_mismatch'],
    ['a database that is not there', { databaseSlug: 'other', userId: 1 }, 404, 'database_not_found'],
    ['nobody', {}, 400, 'invalid_input'],
    ['an empty user', { userId: '' }, 400, 'invalid_input'],
    ['a moment', { userId: 1, expiresIn: 1 }, 400, 'invalid_input'],
    ['a year', { userId: 1, expiresIn: 31_536_000 }, 400, 'invalid_input'],
  ])('is not opened for %s', async (_what, body, status, code) => {
    const answer = await mint(body)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  test('is not opened by a token that only reads, or sees only some tables', async () => {
    const createToken = async (request: object) =>
      (await platform.request('/v1/tokens', { token, body: { name: 'x', ...request } })).body.data.token
    const readonly = await mint({ userId: 1 }, await createToken({ role: 'readonly' }))
    const scoped = await mint({ userId: 1 }, await createToken({ tableScope: ['notes'] }))
    expect([readonly.status, readonly.body.code]).toEqual([403, 'role_insufficient'])
    expect([scoped.status, scoped.body.code]).toEqual([403, 'not_for_scoped_token'])
  })
})

describe('a new key', () => {
  const rotate = async (body: object = {}) => (await main.admin.request('/session_key/rotate', { body })).body.data

  test('leaves open sessions open until they expire, and signs the next', async () => {
    const before = (await mint({ userId: 1, expiresIn: 30 * 86_400 })).body.data.token
    const { keyId, previousUntil } = await rotate()
    expect(new Date(previousUntil).getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000)
    const after = (await mint({ userId: 2 })).body.data.token
    expect(JSON.parse(Buffer.from(after.split('.')[0], 'base64url').toString()).kid).toBe(keyId)
    expect(await me(before)).toMatchObject({ id: 1 })
    expect(await me(after)).toMatchObject({ id: 2 })
    await setAhead(31 * 86_400_000)
    expect(await me(before)).toBe('session_invalid')
    await setAhead(0)
  })

  test('ends all sessions on request', async () => {
    const before = (await mint({ userId: 1 })).body.data.token
    expect(await rotate({ endSessions: true })).toMatchObject({ previousUntil: null })
    expect(await me(before)).toBe('session_invalid')
    const after = (await mint({ userId: 1 })).body.data.token
    expect(await me(after)).toMatchObject({ id: 1 })
    // With the name of the new key, a signature of the old one is still worth nothing.
    const [, payload, signature] = before.split('.')
    expect(await me(`${after.split('.')[0]}.${payload}.${signature}`)).toBe('session_invalid')
    const forged = createHmac('sha256', '')
      .update(`${after.split('.')[0]}.${payload}`)
      .digest('base64url')
    expect(await me(`${after.split('.')[0]}.${payload}.${forged}`)).toBe('session_invalid')
  })
})

test('concurrent passwords are hashed, each with its own salt', async () => {
  const people = Array.from({ length: 8 }, (_, i) => ({ email: `p${i}@example.com`, password: 'same' }))
  const answers = await Promise.all(people.map((body) => main.call('signup', { body })))
  expect(answers.map(({ status }) => status)).toEqual(people.map(() => 200))
  const { body } = await main.admin.query("SELECT DISTINCT password_hash FROM users WHERE email LIKE 'p_@%'")
  expect(body.data.rows).toHaveLength(8)
  const twice = await Promise.all(
    [1, 2, 3].map(() => main.call('signup', { body: { email: 'one@example.com', password: 'x' } })),
  )
  expect(twice.map(({ status }) => status).sort()).toEqual([200, 409, 409])
})
