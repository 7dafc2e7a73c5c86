import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient, parseHiddenFields, pkce } from '../oauth.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>

let platform: TestPlatform
let owner: Session
let client: ReturnType<typeof oauthClient>
let asked: string

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('owner@example.com')
  client = oauthClient(platform, owner)
  const { body } = await client.register({ client_name: '<b>"Agent"</b>' })
  asked = `/oauth/authorize?${client.createQuery(body.client_id, pkce().challenge, {})}`
})
afterAll(() => platform.stop())

const shown = async (path: string, cookie?: string) => {
  const response = await client.go(path, cookie ? { cookie } : {})
  return { response, html: await response.text() }
}
const post = (path: string, fields: Record<string, string>, init: { cookie?: string; headers?: HeadersInit } = {}) =>
  client.go(path, { method: 'POST', body: new URLSearchParams(fields), ...init })

describe('the page of consent', () => {
  test('names the app, where it came from and where one is sent, and takes no markup', async () => {
    const { html } = await shown(asked, owner.cookie)
    expect(html).toContain('&lt;b&gt;&quot;Agent&quot;&lt;/b&gt;')
    expect(html).not.toContain('<b>')
    expect(html).toContain("its name isn't verified")
    expect(html).toContain('an app on this computer')
    expect(html).toContain('owner@example.com')
  })

  test('runs no script, stands in no frame, and leads back to the app or nowhere', async () => {
    const { response } = await shown(asked, owner.cookie)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^default-src 'none'; style-src 'nonce-[\w-]+'; base-uri 'none'; /)
    expect(policy).toContain("form-action 'self' http://127.0.0.1:7777; frame-ancestors 'none'")
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test.each([
    ['https://app.example/callback', 'https://app.example'],
    ['cursor://anysphere.cursor/callback', 'cursor:'],
    ['http://[::1]:9/callback', 'http:'],
    ['https://x.example;script-src/callback', 'https:'],
    ["https://x.example,'unsafe-inline'/callback", 'https:'],
  ])('lets its form lead to %s by naming %s', async (redirect, source) => {
    const { body } = await client.register({ redirect_uris: [redirect] })
    const search = client.createQuery(body.client_id, pkce().challenge, { redirect })
    const { response } = await shown(`/oauth/authorize?${search}`, owner.cookie)
    expect(response.headers.get('content-security-policy')).toContain(
      `base-uri 'none'; form-action 'self' ${source}; frame-ancestors 'none'`,
    )
  })

  test.each([
    ['readonly readwrite admin', 'readonly'],
    ['admin readwrite', 'readwrite'],
    ['admin', 'admin'],
    ['openid readwrite', 'readwrite'],
    ['openid profile', 'readwrite'],
    [undefined, 'readwrite'],
  ])('preselects, for the scopes %s, %s and lets the member choose any', async (scope, role) => {
    const { body } = await client.register()
    const query = client.createQuery(body.client_id, pkce().challenge, { query: { scope } })
    const { html } = await shown(`/oauth/authorize?${query}`, owner.cookie)
    const roles = [...html.matchAll(/name="role" value="(\w+)"( checked)?/g)]
    expect(roles.map(([, value]) => value)).toEqual(['readonly', 'readwrite', 'admin'])
    expect(roles.filter(([, , isChecked]) => isChecked).map(([, value]) => value)).toEqual([role])
  })

  test('takes a form from our own pages only, made for this person, request and namespace', async () => {
    const { html } = await shown(asked, owner.cookie)
    const fields = { ...parseHiddenFields(html, '/oauth/authorize'), which: 'all', role: 'readonly', decision: 'allow' }
    const sent = async (more: Record<string, string>, cookie = owner.cookie, headers: HeadersInit = {}) => {
      const response = await post('/oauth/authorize', { ...fields, ...more }, { cookie, headers })
      return [response.status, response.headers.get('location')]
    }
    expect(await sent({}, owner.cookie, { origin: 'https://evil.example' })).toEqual([403, null])
    expect(await sent({}, owner.cookie, { origin: 'null' })).toEqual([403, null])
    const state = (fields as Record<string, string>).state as string
    for (const edited of ['', 'x', `9${state.slice(1)}`, `${state.slice(0, -1)}${state.endsWith('0') ? '1' : '0'}`]) {
      expect(await sent({ state: edited }), edited).toEqual([400, null])
    }
    expect(await sent({ query: `${(fields as Record<string, string>).query}&scope=admin` })).toEqual([400, null])
    expect(await sent({ namespace: 'other' })).toEqual([400, null])
    const other = await platform.signUp('other@example.com')
    expect(await sent({}, other.cookie)).toEqual([400, null])
    expect(await sent({}, 'none=1')).toEqual([401, null])
    expect(await sent({ which: 'some' })).toEqual([400, null])
    expect(await sent({ role: 'owner' })).toEqual([400, null])
    expect((await sent({}))[0]).toBe(303)
  })

  test('lets one of several namespaces be chosen', async () => {
    await owner.request('/api/namespaces', { body: { slug: 'zebra' } })
    const first = await shown(asked, owner.cookie)
    expect(first.html).toContain('<option>zebra</option>')
    const { html } = await shown(`${asked}&namespace=zebra`, owner.cookie)
    expect(parseHiddenFields(html, '/oauth/authorize')).toMatchObject({ namespace: 'zebra' })
    const foreign = await shown(`${asked}&namespace=other`, owner.cookie)
    expect(parseHiddenFields(foreign.html, '/oauth/authorize')).toMatchObject({ namespace: 'owner' })
  })
})

describe('who is not signed in', () => {
  test('signs in first, and gets back to the request', async () => {
    const sent = await client.go(asked)
    expect(sent.status).toBe(303)
    const login = sent.headers.get('location') as string
    const { html, response } = await shown(login)
    expect(response.headers.get('content-security-policy')).toContain("form-action 'self'; frame-ancestors 'none'")
    const fields = parseHiddenFields(html, '/login')
    expect(fields).toEqual({ return: asked })
    const wrong = await post('/login', { ...fields, email: 'owner@example.com', password: 'wrong password' })
    expect([wrong.status, await wrong.text()]).toEqual([
      401,
      expect.stringContaining('The email address or password is incorrect.'),
    ])
    const done = await post('/login', { ...fields, email: 'owner@example.com', password: 'correct horse battery' })
    expect([done.status, done.headers.get('location')]).toEqual([303, asked])
    const cookie = done.headers.getSetCookie().map((line) => line.split(';')[0])
    expect((await shown(asked, cookie.join('; '))).html).toContain("You're signed in as owner@example.com")
  })

  test('gets back to a request that was not written as forms write it', async () => {
    const { body } = await client.register()
    const raw = `client_id=${body.client_id}&redirect_uri=http://127.0.0.1:7777/callback&state=a*b~c@d!e:f`
    const search = `response_type=code&code_challenge_method=S256&code_challenge=${pkce().challenge}&${raw}`
    const login = (await client.go(`/oauth/authorize?${search}`)).headers.get('location') as string
    const fields = parseHiddenFields((await shown(login)).html, '/login')
    const done = await post('/login', { ...fields, email: 'owner@example.com', password: 'correct horse battery' })
    const { searchParams } = new URL(done.headers.get('location') as string, platform.url)
    expect([searchParams.get('state'), searchParams.get('client_id')]).toEqual(['a*b~c@d!e:f', body.client_id])
  })

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/oauth/authorize/../../evil',
    '/%2F%2Fevil.example/',
    '/%5Cevil.example/',
    '/acme//evil.example',
    '/acme\tx',
    '/./\\evil.example',
    '/acme#@evil.example',
    '/acme?a=//evil.example\\@x',
    'javascript:alert(1)',
    '/oauth/authorize?x\r\nSet-Cookie: a=b',
  ])('is not sent to %s afterwards', async (back) => {
    const { html } = await shown(`/login?${new URLSearchParams({ return: back })}`)
    expect(parseHiddenFields(html, '/login')).toEqual({ return: '/' })
    const fields = { return: back, email: 'owner@example.com', password: 'correct horse battery' }
    expect((await post('/login', fields)).headers.get('location')).toBe('/')
  })

  test.each(['/', '/acme/main/tables?filter=a%20b', '/@login/settings', '/invite/inv_acme_x', '/approve/appr_a.b_x'])(
    'is sent back to %s, which is ours',
    async (back) => {
      const { html } = await shown(`/login?${new URLSearchParams({ return: back })}`)
      expect(parseHiddenFields(html, '/login')).toEqual({ return: back })
      const fields = { return: back, email: 'owner@example.com', password: 'correct horse battery' }
      expect((await post('/login', fields)).headers.get('location')).toBe(back)
    },
  )

  test('is not signed in, up or out by another site', async () => {
    const fields = { email: 'owner@example.com', password: 'correct horse battery' }
    for (const path of ['/login', '/signup', '/logout']) {
      const headers = { origin: 'https://evil.example' }
      const response = await post(path, fields, { headers, cookie: owner.cookie })
      expect([response.status, response.headers.getSetCookie()], path).toEqual([403, []])
    }
  })

  test('reads how long a password must be, and keeps what was entered after an error', async () => {
    const { html } = await shown('/signup')
    expect(html).toContain('At least 8 characters.')
    const fields = { name: 'Ada "A" Lovelace', email: 'short@example.com', password: '1234567', return: '/' }
    const refused = await post('/signup', fields)
    const text = await refused.text()
    expect([refused.status, text]).toEqual([
      400,
      expect.stringContaining('The password must have at least 8 characters.'),
    ])
    expect(text).toContain('value="Ada &quot;A&quot; Lovelace"')
    expect(text).toContain('value="short@example.com"')
  })

  test('signs up if sign-up is open, and gets an error otherwise', async () => {
    const fields = { name: 'New', email: 'new@example.com', password: 'correct horse battery', return: asked }
    const made = await post('/signup', fields)
    expect([made.status, made.headers.get('location')]).toEqual([303, asked])
    const twice = await post('/signup', fields)
    expect(twice.status).toBe(422)
    const invite = await startPlatform({ environment: { PERSQL_SIGNUP: 'invite' } })
    try {
      expect((await invite.request('/signup')).body).toContain('Sign-up is by invitation only.')
      const { status, body } = await invite.request('/signup', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      })
      expect([status, body]).toEqual([403, expect.stringContaining('Sign-up is by invitation only.')])
    } finally {
      await invite.stop()
    }
  })
})

describe('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())

  test('a new user signs up, authorizes an app, and the app gets a token', async () => {
    const arrived: string[] = []
    const server = createServer((request, response) => {
      arrived.push(request.url ?? '')
      response.end('done')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
    try {
      const { body } = await client.register({ redirect_uris: [redirect] })
      const { verifier, challenge } = pkce()
      const page = await openPage(browser)
      await page.goto(`${platform.url}/oauth/authorize?${client.createQuery(body.client_id, challenge, { redirect })}`)
      await page.click('text=Create one')
      await page.fill('[name=email]', 'browser@example.com')
      await page.fill('[name=password]', 'correct horse battery')
      await page.click('button:has-text("Create account")')
      await page.waitForSelector("text=You're signed in as browser@example.com")
      await page.check('[value=some]')
      await page.check('[name=database][value=main]')
      await page.check('[name=role][value=admin]')
      await page.click('button:has-text("Authorize")')
      await page.waitForURL(`${redirect}*`)
      const answer = new URL(arrived.find((url) => url.startsWith('/callback')) ?? '', redirect).searchParams
      expect(answer.get('iss')).toBe(platform.url)
      const given = { clientId: body.client_id, verifier, code: answer.get('code') ?? '' }
      const got = await client.exchange(given, { redirect_uri: redirect })
      expect(await client.worked(got.body.access_token, 'CREATE TABLE from_browser (n)')).toBe(true)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
