import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { speaker } from '../mcp/rpc.ts'
import { oauthClient, pkce, REDIRECT } from '../oauth.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>

let platform: TestPlatform
let owner: Session
let client: ReturnType<typeof oauthClient>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('owner@example.com')
  client = oauthClient(platform, owner)
  await owner.request('/api/namespaces/owner/databases', { body: { slug: 'second' } })
})
afterAll(() => platform.stop())

/** Creates a member of the owner's namespace. */
async function join(email: string, role: string): Promise<Session> {
  const { body } = await owner.request('/api/namespaces/owner/invitations', { body: { email, role } })
  const user = await platform.signUp(email)
  const secret = new URL(body.data.link).pathname.split('/').at(-1)
  await user.request(`/api/invitations/${secret}/accept`, { body: {} })
  return user
}

describe('what a client finds', () => {
  test('the metadata lists S256, public clients, documents and iss', async () => {
    const { body, headers } = await platform.request('/.well-known/oauth-authorization-server')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(body).toMatchObject({
      issuer: platform.url,
      authorization_endpoint: `${platform.url}/oauth/authorize`,
      token_endpoint: `${platform.url}/oauth/token`,
      registration_endpoint: `${platform.url}/oauth/register`,
      revocation_endpoint: `${platform.url}/oauth/revoke`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    })
  })

  test.each([
    ['', '/'],
    ['/mcp', '/mcp'],
    ['/v1', '/v1'],
  ])('the resource at "%s" names its authorization server', async (suffix, path) => {
    const { body } = await platform.request(`/.well-known/oauth-protected-resource${suffix}`)
    expect(body).toMatchObject({
      resource: platform.url + path,
      authorization_servers: [platform.url],
      scopes_supported: ['readwrite'],
    })
  })

  test('a request without a token gets the URL of the metadata', async () => {
    for (const [path, suffix] of [
      ['/mcp', '/mcp'],
      ['/', ''],
    ] as const) {
      const { status, headers } = await speaker(platform, undefined, path).send('initialize')
      const where = `${platform.url}/.well-known/oauth-protected-resource${suffix}`
      expect([status, headers.get('www-authenticate')]).toEqual([401, `Bearer resource_metadata="${where}"`])
    }
  })
})

describe('registration', () => {
  test('creates a public client for every request', async () => {
    const { status, body } = await client.register({ token_endpoint_auth_method: 'client_secret_post', scope: 'x' })
    expect([status, body.token_endpoint_auth_method, body.client_secret]).toEqual([201, 'none', undefined])
  })

  test.each([
    ['a script', 'javascript:alert(1)'],
    ['a page in itself', 'data:text/html,x'],
    ['http elsewhere', 'http://example.com/callback'],
    ['a fragment', 'https://example.com/callback#x'],
    ['a password', 'https://a:b@example.com/callback'],
  ])('refuses %s to redirect to', async (_, uri) => {
    const { status, body } = await client.register({ redirect_uris: [uri] })
    expect([status, body.client_id]).toEqual([400, undefined])
  })

  test('rejects large and invalid registrations', async () => {
    expect((await client.register({ redirect_uris: [] })).body.error).toBe('invalid_redirect_uri')
    expect((await client.register({ redirect_uris: Array(21).fill(REDIRECT) })).status).toBe(400)
    expect((await client.register({ client_name: 'x'.repeat(101) })).body.error).toBe('invalid_client_metadata')
    expect((await client.register({ contacts: ['x'.repeat(100_000)] })).status).toBe(413)
    expect((await platform.request('/oauth/register', { body: '[' })).status).toBe(400)
  })
})

describe('the flow', () => {
  test('ends with a token that opens what was chosen, as what was chosen', async () => {
    const given = await client.code({ choice: { role: 'readwrite' } })
    expect(given.response.status).toBe(303)
    expect(given.location.startsWith(`${REDIRECT}?`)).toBe(true)
    expect([given.answer.get('state'), given.answer.get('iss')]).toEqual(['st&te', platform.url])
    const { status, body, headers } = await client.exchange(given)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toContain('no-store')
    expect(body).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'readwrite',
      resource: `${platform.url}/mcp`,
    })
    expect(await client.worked(body.access_token)).toBe(true)
    const create = await client.query(body.access_token, 'CREATE TABLE made (n)')
    expect(create.body.result.structuredContent.code).toBe('role_insufficient')
  })

  test('opens the chosen databases only, and lists those', async () => {
    const { access } = await client.tokens({ choice: { which: 'some', database: 'second', role: 'admin' } })
    expect(await client.worked(access, 'CREATE TABLE IF NOT EXISTS t (n)', 'second')).toBe(true)
    expect((await client.query(access)).body.result.structuredContent.code).toBe('token_pinned')
    expect((await client.query(access, 'SELECT 1', 'third')).body.result.structuredContent.code).toBe('token_pinned')
    const { structuredContent } = await speaker(platform, access, '/mcp?tools=all').call('list_databases')
    expect(structuredContent.result).toMatchObject([{ slug: 'second' }])
  })

  test('for /v1 gives a token for /v1 and no other door, and the other way round', async () => {
    const v1 = await client.tokens({ resource: `${platform.url}/v1` })
    const mcp = await client.tokens()
    const rest = (token: string) => platform.database('owner', 'main', token).query('SELECT 1')
    expect((await rest(v1.access)).status).toBe(200)
    expect((await client.query(v1.access)).status).toBe(401)
    expect(await client.worked(mcp.access)).toBe(true)
    expect((await rest(mcp.access)).body.code).toBe('token_audience')
    expect((await platform.request('/v1/me', { token: mcp.access })).body.code).toBe('token_audience')
    expect((await platform.database('owner', 'main', v1.access).query('SELECT 1')).status).toBe(200)
  })

  test('without a resource is for the MCP door', async () => {
    const given = await client.code({ query: { resource: undefined } })
    expect((await client.exchange(given)).body.resource).toBe(`${platform.url}/mcp`)
  })

  test('goes to any port of this machine where the client registered one', async () => {
    const redirect = 'http://127.0.0.1:9999/callback'
    const given = await client.code({ redirect })
    expect((await client.exchange(given, { redirect_uri: redirect })).status).toBe(200)
  })

  test('that is denied returns an error to the client', async () => {
    const { answer } = await client.code({ choice: { decision: 'deny' } })
    expect(Object.fromEntries(answer)).toMatchObject({ error: 'access_denied', state: 'st&te', iss: platform.url })
  })

  test('reaches no other namespace', async () => {
    const stranger = await platform.signUp('stranger@example.com')
    const { access } = await client.tokens()
    expect((await platform.database('stranger', 'main', access).query('SELECT 1')).status).toBe(403)
    const { response } = await client.code({ session: stranger, choice: { namespace: 'owner' } })
    expect(response.status).toBe(400)
    const made = await client.code({ session: stranger, choice: { which: 'some', database: 'second' } })
    expect([made.response.status, made.code]).toEqual([404, ''])
  })
})

describe('a mistake in the request', () => {
  test.each([
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['an unknown resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['an implicit token', { response_type: 'token' }, 'unsupported_response_type'],
  ])('such as %s is returned to the client', async (_, wrong, error) => {
    const { body } = await client.register()
    const search = client.createQuery(body.client_id, pkce().challenge, { query: wrong as Record<string, string> })
    const response = await client.go(`/oauth/authorize?${search}`, { cookie: owner.cookie })
    const { searchParams } = new URL(response.headers.get('location') ?? 'http://none/')
    expect([searchParams.get('error'), searchParams.get('iss')]).toEqual([error, platform.url])
  })

  test.each([
    ['another address', { redirect_uri: 'https://evil.example/callback' }],
    ['another path', { redirect_uri: `${REDIRECT}/more` }],
    ['an unknown client', { client_id: 'nobody' }],
  ])('such as %s goes nowhere', async (_, wrong) => {
    const { body } = await client.register()
    const search = client.createQuery(body.client_id, pkce().challenge, { query: wrong as Record<string, string> })
    const response = await client.go(`/oauth/authorize?${search}`, { cookie: owner.cookie })
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
  })
})

describe('a code', () => {
  test('counts for its verifier, its client and its address only', async () => {
    const given = await client.code()
    const other = (await client.register()).body.client_id
    const failed = async (more: Record<string, string>) => (await client.exchange(given, more)).body.error
    expect(await failed({ code_verifier: pkce().verifier })).toBe('invalid_grant')
    expect(await failed({ client_id: other })).toBe('invalid_grant')
    expect(await failed({ redirect_uri: 'http://127.0.0.1:7778/callback' })).toBe('invalid_grant')
    expect(await failed({ resource: `${platform.url}/v1` })).toBe('invalid_target')
    expect((await client.exchange(given)).status).toBe(200)
  })

  test('that comes twice ends what it gave', async () => {
    const given = await client.code()
    const { body } = await client.exchange(given)
    expect(await client.worked(body.access_token)).toBe(true)
    expect((await client.exchange(given)).body.error).toBe('invalid_grant')
    expect((await client.query(body.access_token)).status).toBe(401)
    expect((await client.refresh(given.clientId, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  test('that is redeemed concurrently gives at most one token', async () => {
    const given = await client.code()
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.exchange(given)))
    expect(answers.filter(({ status }) => status === 200).length).toBe(1)
  })
})

describe('a refresh token', () => {
  test('is replaced each time, and ends all when it comes again', async () => {
    const first = await client.tokens()
    const second = (await client.refresh(first.clientId, first.refresh)).body
    expect(await client.worked(second.access_token)).toBe(true)
    const third = (await client.refresh(first.clientId, second.refresh_token)).body
    const ahead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
    await ahead(31_000)
    expect((await client.refresh(first.clientId, first.refresh)).body.error).toBe('invalid_grant')
    expect((await client.refresh(first.clientId, third.refresh_token)).body.error).toBe('invalid_grant')
    expect((await client.query(third.access_token)).status).toBe(401)
    await ahead(0)
  })

  test('is of its client', async () => {
    const { refresh: token, clientId } = await client.tokens()
    const other = (await client.register()).body.client_id
    expect((await client.refresh(other, token)).body.error).toBe('invalid_grant')
    expect((await client.refresh(clientId, token)).status).toBe(200)
  })

  test('and the access token can be given back', async () => {
    const one = await client.tokens()
    expect(await client.worked(one.access)).toBe(true)
    const revoke = (token: string) => client.form('/oauth/revoke', { token, client_id: one.clientId })
    expect((await revoke(one.access)).status).toBe(200)
    expect((await client.query(one.access)).status).toBe(401)
    const next = (await client.refresh(one.clientId, one.refresh)).body
    expect(await client.worked(next.access_token)).toBe(true)
    expect((await revoke(next.refresh_token)).status).toBe(200)
    expect((await client.query(next.access_token)).status).toBe(401)
    expect((await client.refresh(one.clientId, next.refresh_token)).status).toBe(400)
    expect((await revoke('nonsense')).status).toBe(200)
  })
})

describe('an app', () => {
  test('is listed, and its member revokes its access', async () => {
    const { access, refresh: token, clientId } = await client.tokens({ choice: { which: 'some', database: 'main' } })
    expect(await client.worked(access)).toBe(true)
    const { body } = await owner.request('/api/namespaces/owner/oauth_grants')
    const grant = body.data.find((one: { clientId: string }) => one.clientId === clientId)
    expect(grant).toMatchObject({
      clientName: 'Test agent',
      userId: owner.userId,
      role: 'readwrite',
      databases: ['main'],
      audience: 'mcp',
      lastTokenAt: expect.any(String),
    })
    const shown = await owner.request(`/api/namespaces/owner/oauth_grants/${grant.id}`, { method: 'DELETE' })
    expect(shown.body.data).toEqual({ revoked: true, alsoRevoked: 0 })
    expect((await client.query(access)).status).toBe(401)
    expect((await client.refresh(clientId, token)).status).toBe(400)
    const again = await owner.request(`/api/namespaces/owner/oauth_grants/${grant.id}`, { method: 'DELETE' })
    expect(again.body.code).toBe('oauth_grant_not_found')
  })

  test('whose token an admin revokes is out', async () => {
    const { access, refresh: token, clientId } = await client.tokens()
    const { body } = await owner.request('/api/namespaces/owner/tokens')
    const one = body.data.filter(({ name }: { name: string }) => name === 'Test agent').at(-1)
    expect(one).toMatchObject({ role: 'readwrite', databases: null })
    for (const { id, name } of body.data) {
      if (name === 'Test agent') await owner.request(`/api/namespaces/owner/tokens/${id}`, { method: 'DELETE' })
    }
    expect((await client.query(access)).status).toBe(401)
    expect((await client.refresh(clientId, token)).status).toBe(400)
  })

  test('has at most the permissions of its member, also after a change of the role', async () => {
    const member = await join('member@example.com', 'editor')
    const flow = { session: member, namespace: 'owner' }
    const one = await client.tokens({ ...flow, choice: { role: 'admin' } })
    const insert = 'INSERT INTO shared VALUES (1)'
    expect(await client.worked(one.access, 'CREATE TABLE shared (n)')).toBe(true)
    const { body: mint } = await speaker(platform, one.access).send('tools/list')
    expect(mint.result.tools.length).toBeGreaterThan(0)
    const path = `/api/namespaces/owner/members/${member.userId}`
    await owner.request(path, { method: 'PATCH', body: { role: 'viewer' } })
    // The token that was cached as an editor's is refused; the next one is a viewer's.
    expect((await client.query(one.access, insert)).status).toBe(401)
    const next = (await client.refresh(one.clientId, one.refresh)).body
    expect(await client.worked(next.access_token, 'SELECT * FROM shared')).toBe(true)
    expect(await client.worked(next.access_token, insert)).toBe(false)
    const refused = await client.code({ ...flow, choice: { role: 'admin' } })
    expect([refused.response.status, refused.code]).toEqual([403, ''])
    await owner.request(path, { method: 'DELETE' })
    expect((await client.query(next.access_token, 'SELECT 1')).status).toBe(401)
    expect((await client.refresh(one.clientId, next.refresh_token)).status).toBe(400)
  })

  test('of a member who is removed during a token refresh loses access', async () => {
    for (let i = 0; i < 3; i++) {
      const member = await join(`leaving-${i}@example.com`, 'editor')
      const one = await client.tokens({ session: member, namespace: 'owner' })
      const path = `/api/namespaces/owner/members/${member.userId}`
      const [renewed] = await Promise.all([
        client.refresh(one.clientId, one.refresh),
        owner.request(path, { method: 'DELETE' }),
      ])
      const last = renewed.status === 200 ? renewed.body : { access_token: one.access, refresh_token: one.refresh }
      expect((await client.query(last.access_token)).status).toBe(401)
      expect((await client.refresh(one.clientId, last.refresh_token)).status).toBe(400)
    }
    const { body } = await owner.request('/api/namespaces/owner/oauth_grants')
    expect(body.data.filter(({ userId }: { userId: string }) => userId !== owner.userId)).toEqual([])
  })

  test('of an editor does not what only admins may', async () => {
    const member = await join('editor@example.com', 'editor')
    const flow = { session: member, namespace: 'owner', resource: `${platform.url}/v1` }
    const { access } = await client.tokens({ ...flow, choice: { role: 'admin' } })
    const ask = (path: string, options = {}) => platform.request(path, { token: access, ...options })
    expect((await ask('/v1/tokens', { body: { name: 'mine' } })).body.code).toBe('role_insufficient')
    expect((await ask('/v1/databases/second', { method: 'DELETE' })).body.code).toBe('role_insufficient')
    expect((await ask('/v1/databases')).status).toBe(200)
    const others = await member.request('/api/namespaces/owner/oauth_grants')
    expect(others.body.data.map(({ userId }: { userId: string }) => userId)).toEqual([member.userId])
  })

  test('loses its token when the hour is over', async () => {
    const { access } = await client.tokens()
    expect(await client.worked(access)).toBe(true)
    const ahead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
    await ahead(61 * 60 * 1000)
    expect((await client.query(access)).status).toBe(401)
    await ahead(0)
  })
})
