import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocket, type Server as Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient, pkce, REDIRECT } from '../oauth.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>

let platform: TestPlatform
let owner: Session
let client: ReturnType<typeof oauthClient>
let site: Server
let origin: string
const asked: string[] = []
/** The responses of the site, by path. */
const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {}

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('owner@example.com')
  client = oauthClient(platform, owner)
  site = createServer((request, response) => {
    asked.push(request.url ?? '')
    answers[request.url ?? '']?.(request, response)
  })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
})
afterAll(async () => {
  site.closeAllConnections()
  site.close()
  await platform.stop()
})

/** Puts a document about a client at a path, which is then the client's id. */
function publish(path: string, document: object | string, headers: Record<string, string> = {}, status = 200) {
  const id = origin + path
  const text =
    typeof document === 'string'
      ? document
      : JSON.stringify({ client_id: id, client_name: 'Published', redirect_uris: [REDIRECT], ...document })
  answers[path] = (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(text)
  }
  return id
}

const page = async (id: string, to: TestPlatform = platform, cookie = owner.cookie) => {
  const search = client.createQuery(id, pkce().challenge, {})
  const response = await fetch(`${to.url}/oauth/authorize?${search}`, { headers: { cookie }, redirect: 'manual' })
  return { status: response.status, html: await response.text() }
}

describe('a client that is described by a document', () => {
  test('is authorized under the name of its host, without registration', async () => {
    const id = publish('/agent.json', {}, { 'cache-control': 'max-age=60' })
    const { html } = await page(id)
    expect(html).toContain(`Published by <strong>${new URL(origin).host}</strong>`)
    const { access, refresh } = await client.tokens({ clientId: id })
    expect(await client.worked(access)).toBe(true)
    expect((await client.refresh(id, refresh)).status).toBe(200)
    expect(asked.filter((path) => path === '/agent.json')).toHaveLength(1)
    const { body } = await owner.request('/api/namespaces/owner/oauth_grants')
    expect(body.data).toMatchObject([{ clientId: id, clientName: 'Published' }])
  })

  test('is asked about again where its site does not let it be kept', async () => {
    const id = publish('/fresh.json', {}, { 'cache-control': 'no-store' })
    const ahead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
    await page(id)
    await ahead(11_000)
    await page(id)
    await ahead(0)
    expect(asked.filter((path) => path === '/fresh.json')).toHaveLength(2)
  })

  test('is not fetched for a user who is not signed in', async () => {
    const id = publish('/unasked.json', {})
    expect((await page(id, platform, '')).status).toBe(303)
    const fields = { client_id: id, grant_type: 'authorization_code', code_verifier: pkce().verifier }
    const code = `psql_oauth_owner_${owner.userId}:${'a'.repeat(16)}:${'b'.repeat(32)}`
    expect((await client.form('/oauth/token', { ...fields, code })).body.error).toBe('invalid_grant')
    expect((await client.form('/oauth/token', { ...fields, code: 'x' })).body.error).toBe('invalid_grant')
    expect((await client.form('/oauth/revoke', { client_id: id, token: code })).status).toBe(200)
    expect(asked).not.toContain('/unasked.json')
  })

  test('is sent nowhere but where the document says', async () => {
    const id = publish('/elsewhere.json', { redirect_uris: ['https://app.example/callback'] })
    expect(await page(id)).toMatchObject({ status: 400, html: expect.stringContaining('Invalid redirect URI') })
  })
})

describe('a document is not taken', () => {
  test.each([
    ['that is about another client', { client_id: 'https://other.example/x' }, 'match its URL'],
    ['with a secret', { client_secret: 'x' }, 'has no secret'],
    ['that wants keys', { token_endpoint_auth_method: 'private_key_jwt' }, 'must be &quot;none&quot;'],
    ['without a name', { client_name: '' }, 'client_name'],
    ['without an address', { redirect_uris: [] }, 'redirect_uris'],
    ['that is not JSON', 'nonsense', 'not valid JSON'],
    ['that is huge', { padding: 'x'.repeat(70_000) }, 'exceeds 64 KB'],
  ])('%s', async (name, document, text) => {
    const { status, html } = await page(publish(`/${name.replaceAll(' ', '-')}`, document))
    expect([status, html]).toEqual([400, expect.stringContaining(text)])
  })

  test('from an address that redirects, or answers with something else', async () => {
    const target = publish('/target', {})
    const redirected = publish('/redirect', '', { location: target }, 302)
    expect(await page(redirected)).toMatchObject({
      status: 400,
      html: expect.stringContaining('return the document'),
    })
    expect(asked).not.toContain('/target')
    const typed = publish('/typed', {}, { 'content-type': 'text/html' })
    expect(await page(typed)).toMatchObject({ status: 400, html: expect.stringContaining('application/json') })
  })

  test('that does not come', async () => {
    answers['/silent'] = () => {}
    expect(await page(`${origin}/silent`)).toMatchObject({
      status: 400,
      html: expect.stringContaining('be fetched'),
    })
  })
})

describe('an address that is not public', () => {
  let inside: Socket
  let port: number
  let connections = 0
  beforeAll(async () => {
    inside = createSocket((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => inside.listen(0, resolve))
    port = (inside.address() as AddressInfo).port
  })
  afterAll(() => inside.close())

  test.each([
    'https://127.0.0.1:PORT/x',
    'https://[::1]:PORT/x',
    'https://[::ffff:127.0.0.1]:PORT/x',
    'https://2130706433:PORT/x',
    'https://0x7f.1:PORT/x',
    'https://localhost:PORT/x',
    'https://vm:PORT/x',
    'https://10.0.0.1:PORT/x',
    'https://169.254.169.254/latest',
    'https://metadata.google.internal/x',
    'https://printer.local/x',
    'http://10.0.0.1:PORT/x',
    'https://user:password@example.com/x',
    'https://example.com/',
    'https://example.com/x#y',
    'https://example.com/../x',
  ])('%s is not asked', async (template) => {
    const { status, html } = await page(template.replace('PORT', String(port)))
    expect([status, html]).toEqual([400, expect.stringMatching(/Invalid OAuth client metadata|Invalid client/)])
    expect(connections).toBe(0)
  })

  test('is none where no development goes on, this machine included', async () => {
    const real = await startPlatform()
    try {
      const { cookie } = await real.signUp('owner@example.com')
      const { status, html } = await page(publish('/real', {}), real, cookie)
      expect([status, html]).toEqual([400, expect.stringContaining('client_id is not https')])
      expect(asked).not.toContain('/real')
    } finally {
      await real.stop()
    }
  })
})
