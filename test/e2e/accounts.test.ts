import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RESERVED_SLUGS } from '../../apps/platform/src/directory/reserved-slugs.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

const signIn = (email: string, password = 'correct horse battery') =>
  platform.request('/api/auth/sign-in/email', { body: { email, password } })

test('who signs up is signed in, and has a namespace named after them with a database and the welcome credit', async () => {
  const ada = await platform.signUp('Ada.Lovelace@example.com')
  const { body } = await ada.request('/api/namespaces')
  expect(body).toEqual({
    success: true,
    data: [
      {
        id: expect.stringMatching(/^ns_/),
        slug: 'ada-lovelace',
        role: 'owner',
        status: 'active',
        createdAt: expect.stringMatching(/Z$/),
        edits: [],
      },
    ],
  })
  const databases = await ada.request('/api/namespaces/ada-lovelace/databases')
  expect(databases.body.data).toEqual([expect.objectContaining({ slug: 'main' })])
  const answer = await ada.request('/api/namespaces/ada-lovelace/databases/main/query', {
    body: { sql: 'SELECT 1 AS n' },
  })
  expect(answer.body).toMatchObject({ success: true, data: { rows: [[1]] }, meta: { costUsd: 0.0000005 } })
})

test('signing in again makes nothing new; two people of one name get two namespaces', async () => {
  await platform.signUp('sam@example.com')
  const again = platform.session(await signIn('sam@example.com'), 'sam@example.com')
  expect((await again.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual(['sam'])
  const other = await platform.signUp('sam@example.org')
  expect((await other.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual([
    'sam-2',
  ])
  const odd = await platform.signUp('42@example.org')
  expect((await odd.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual(['home'])
})

test('a wrong password and an unknown email address get the same error', async () => {
  await platform.signUp('wrong@example.com')
  const known = await signIn('wrong@example.com', 'not the password')
  const unknown = await signIn('nobody@example.com', 'not the password')
  expect([known.status, unknown.status]).toEqual([401, 401])
  expect(known.body).toEqual(unknown.body)
})

test('a session ends immediately at sign-out', async () => {
  const user = await platform.signUp('leaving@example.com')
  expect((await user.request('/api/namespaces')).status).toBe(200)
  expect((await user.request('/api/auth/sign-out', { body: {} })).status).toBe(200)
  const { status, body } = await user.request('/api/namespaces')
  expect([status, body.code]).toEqual([401, 'not_signed_in'])
})

test('a request without a valid cookie is not signed in', async () => {
  expect((await platform.request('/api/namespaces')).body.code).toBe('not_signed_in')
  const forged = { cookie: 'better-auth.session_token=abc.def' }
  expect((await platform.request('/api/namespaces', { headers: forged })).body.code).toBe('not_signed_in')
})

test('the cookie is out of reach of scripts and other sites', async () => {
  const { headers } = await signIn('sam@example.com')
  const [cookie] = headers.getSetCookie()
  expect(cookie).toMatch(/HttpOnly/i)
  expect(cookie).toMatch(/SameSite=Lax/i)
})

test('a change asked for by another site is refused, a page of ours and a script with no origin are not', async () => {
  const user = await platform.signUp('target@example.com')
  const make = (slug: string, headers: Record<string, string>) =>
    platform.request('/api/namespaces', { body: { slug }, headers: { cookie: user.cookie, ...headers } })
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: platform.url.replace('127.0.0.1', 'localhost') },
    { 'sec-fetch-site': 'cross-site' },
  ]
  for (const headers of foreign) {
    const { status, body } = await make('stolen', headers)
    expect([status, body.code], JSON.stringify(headers)).toEqual([403, 'origin_refused'])
  }
  expect((await make('mine', { origin: platform.url })).status).toBe(200)
  expect((await make('mine-too', {})).status).toBe(200)
  expect((await make('mine', {})).body.code).toBe('slug_taken')
})

test('no namespace gets the name of a path that the instance answers itself', async () => {
  const user = await platform.signUp('docs@example.com')
  expect((await user.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual([
    'docs-2',
  ])
  for (const slug of RESERVED_SLUGS) {
    const { status, body } = await user.request('/api/namespaces', { body: { slug } })
    expect([status, body.code], slug).toEqual([409, 'slug_taken'])
    await expect(platform.createNamespace(slug), slug).rejects.toThrow('slug_taken')
  }
})

test('passwords are kept as salted hashes only', async () => {
  await platform.signUp('hashed@example.com', 'a very particular password')
  const code = await new Promise((resolve) => {
    execFile('grep', ['-rlaF', 'a very particular password', platform.data], (error) => resolve(error?.code ?? 0))
  })
  expect(code).toBe(1)
})

test('GitHub and Google are offered when their keys are set, and only then', async () => {
  const keys = {
    GITHUB_CLIENT_ID: 'github-id',
    GITHUB_CLIENT_SECRET: 'x',
    GOOGLE_CLIENT_ID: 'google-id',
    GOOGLE_CLIENT_SECRET: 'x',
  }
  const social = await startPlatform({ environment: keys })
  const start = (where: TestPlatform, provider: string) =>
    where.request('/api/auth/sign-in/social', { body: { provider, callbackURL: '/' } })
  try {
    for (const [provider, host] of [
      ['github', 'github.com'],
      ['google', 'accounts.google.com'],
    ] as const) {
      const url = new URL((await start(social, provider)).body.url)
      expect([url.host, url.searchParams.get('client_id')]).toEqual([host, `${provider}-id`])
      expect(url.searchParams.get('redirect_uri')).toBe(`${social.url}/api/auth/callback/${provider}`)
      expect(url.searchParams.get('state')).toBeTruthy()
      expect((await start(platform, provider)).status).toBe(404)
    }
    const forged = await social.request('/api/auth/callback/github?code=x&state=made-up')
    expect(forged.headers.getSetCookie().join()).not.toContain('session_token')
  } finally {
    await social.stop()
  }
})

test.each([
  ['off', 403],
  ['invite', 403],
] as const)('with PERSQL_SIGNUP=%s a stranger cannot sign up', async (mode, status) => {
  const closed = await startPlatform({ environment: { PERSQL_SIGNUP: mode } })
  try {
    const body = { email: 'stranger@example.com', password: 'correct horse battery', name: 'x' }
    const answer = await closed.request('/api/auth/sign-up/email', { body })
    expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThanOrEqual(status)
    expect((await closed.request('/api/auth/sign-in/email', { body })).status).toBe(401)
  } finally {
    await closed.stop()
  }
})

test('no page of another name that points to this machine gets to be the first account', async () => {
  const local = await startPlatform({ environment: { PERSQL_FIRST_OWNS: 'acme' } })
  try {
    await local.createNamespace('acme')
    const { port } = new URL(local.url)
    const body = JSON.stringify({ email: 'eve@evil.example', password: 'correct horse battery', name: 'Eve' })
    const host = `rebound.evil.example:${port}`
    const headers = { host, origin: `http://${host}`, 'content-type': 'application/json' }
    const status = await new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', path: '/api/auth/sign-up/email', method: 'POST', headers }
      request(options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end(body)
    })
    expect(status).toBe(403)
    const first = await local.signUp('first@example.com')
    expect((await first.request('/api/namespaces/acme')).body.data).toMatchObject({ role: 'owner' })
  } finally {
    await local.stop()
  }
})

test('a body that is far too large for a form is not taken', async () => {
  const body = { email: 'a@example.com', password: 'x'.repeat(100_000), name: 'x' }
  expect((await platform.request('/api/auth/sign-up/email', { body })).status).toBe(413)
})

test('on an instance of one machine the first account owns the namespace made at its start, and no other does', async () => {
  const local = await startPlatform({ environment: { PERSQL_SIGNUP: 'invite', PERSQL_FIRST_OWNS: 'acme' } })
  try {
    await local.createNamespace('acme')
    const first = await local.signUp('first@example.com')
    const { data } = (await first.request('/api/namespaces')).body
    expect(data.map(({ slug, role }: { slug: string; role: string }) => [slug, role])).toEqual([
      ['acme', 'owner'],
      ['first', 'owner'],
    ])
    await first.request('/api/namespaces/acme/invitations', { body: { email: 'second@example.com', role: 'viewer' } })
    const second = await local.signUp('second@example.com')
    const slugs = (await second.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)
    expect(slugs).toEqual(['second'])
    await expect(local.signUp('third@example.com')).rejects.toThrow('403')
  } finally {
    await local.stop()
  }
})
