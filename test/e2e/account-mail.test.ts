import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { SmtpServer } from '../smtp-server.ts'

let platform: TestPlatform
let server: SmtpServer
beforeAll(async () => {
  server = await new SmtpServer().start()
  platform = await startPlatform({
    environment: { SMTP_URL: `smtp://127.0.0.1:${server.port}`, MAIL_FROM: 'noreply@persql.test', PERSQL_DEV: '1' },
  })
})
afterAll(async () => {
  await platform.stop()
  server.stop()
})

const password = 'correct horse battery'
const auth = (path: string, body: object) => platform.request(`/api/auth/${path}`, { body })
const operator = (path: string, body: object) =>
  platform.request(`/api/operator/namespaces/${path}`, { token: platform.secret, body })
const signIn = (email: string, secret = password) => auth('sign-in/email', { email, password: secret })
/** Mails to an address, the oldest first; the outbox keeps what the server took. */
async function mailsTo(address: string): Promise<{ subject: string; text: string }[]> {
  const { body } = await platform.request('/api/dev/outbox', { token: platform.secret })
  return body.data.filter(({ to }: { to: string }) => to === address).reverse()
}
async function linkTo(address: string): Promise<string> {
  await expect.poll(async () => (await mailsTo(address)).length).toBeGreaterThan(0)
  return /http\S+/.exec((await mailsTo(address)).at(-1)?.text ?? '')?.[0] ?? ''
}
const follow = (link: string) => fetch(link, { redirect: 'manual' })
async function verified(email: string) {
  await auth('sign-up/email', { email, password, name: 'x' })
  await follow(await linkTo(email))
  return platform.session(await signIn(email), email)
}

test('where mail is set up, an address is confirmed before it signs in', async () => {
  const email = 'new@example.com'
  const answer = await auth('sign-up/email', { email, password, name: 'New' })
  expect(answer.headers.getSetCookie()).toEqual([])
  expect((await signIn(email)).status).toBe(403)
  const link = await linkTo(email)
  expect(link).toContain(`${platform.url}/api/auth/verify-email`)
  const confirmed = await follow(link)
  expect(confirmed.status).toBe(302)
  expect(confirmed.headers.getSetCookie().join()).toContain('session_token')
  const user = platform.session(await signIn(email), email)
  expect((await user.request('/api/namespaces')).body.data).toMatchObject([{ slug: 'new', role: 'owner' }])
  const forged = await follow(link.replace('token=', 'token=x'))
  expect(forged.headers.get('location') ?? 'error').toContain('error')
})

test('who signs up on the way to let an app in gets back there by the link in the mail', async () => {
  const email = 'guided@example.com'
  const back = '/oauth/authorize?client_id=x&redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fcallback'
  const { status, body } = await platform.request('/signup', {
    method: 'POST',
    body: new URLSearchParams({ email, password, return: back }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  expect([status, body]).toEqual([200, expect.stringContaining('We emailed you a link. Open it to continue.')])
  const confirmed = await follow(await linkTo(email))
  expect(confirmed.headers.getSetCookie().join()).toContain('session_token')
  const { searchParams, pathname } = new URL(confirmed.headers.get('location') ?? '', platform.url)
  expect([pathname, searchParams.get('redirect_uri')]).toEqual(['/oauth/authorize', 'http://127.0.0.1:7777/callback'])
})

test('a password reset by mail works once and signs out all sessions', async () => {
  const email = 'forgetful@example.com'
  const user = await verified(email)
  const known = await auth('request-password-reset', { email, redirectTo: '/reset' })
  const unknown = await auth('request-password-reset', { email: 'nobody@example.com', redirectTo: '/reset' })
  expect([known.status, known.body]).toEqual([unknown.status, unknown.body])
  await expect.poll(async () => (await mailsTo(email)).at(-1)?.subject).toContain('Reset')
  const link = await linkTo(email)
  const token = new URL(link).pathname.split('/').at(-1)
  expect((await auth('reset-password', { token, newPassword: 'another password' })).status).toBe(200)
  expect((await auth('reset-password', { token, newPassword: 'a third password' })).status).toBe(400)
  expect((await user.request('/api/namespaces')).status).toBe(401)
  expect((await signIn(email)).status).toBe(401)
  expect((await signIn(email, 'another password')).status).toBe(200)
  expect(await mailsTo('nobody@example.com')).toEqual([])
})

test('an invitation goes by mail, and its link is not in the answer', async () => {
  const owner = await verified('host@example.com')
  const { body } = await owner.request('/api/namespaces/host/invitations', {
    body: { email: 'guest@example.com', role: 'editor' },
  })
  expect(body.data).not.toHaveProperty('link')
  const secret = (await linkTo('guest@example.com')).split('/').at(-1)
  const guest = await verified('guest@example.com')
  expect((await guest.request(`/api/invitations/${secret}/accept`, { body: {} })).body.data).toMatchObject({
    role: 'editor',
  })
})

test('owners are warned once when the balance runs low, and again after it was filled', async () => {
  const owner = await verified('low@example.com')
  const warnings = async () => (await mailsTo('low@example.com')).filter(({ subject }) => subject.includes('left'))
  const query = () => owner.request('/api/namespaces/low/databases/main/query', { body: { sql: 'SELECT 1' } })
  await query()
  expect(await warnings()).toEqual([])
  await operator('low/credit', { amountUsd: -4.6, note: 'spent' })
  await query()
  await expect.poll(warnings).toHaveLength(1)
  expect((await warnings())[0]).toMatchObject({
    subject: expect.stringMatching(/^Low balance on low: \$0\.\d\d left$/),
  })
  await operator('low/credit', { amountUsd: -0.1, note: 'spent more' })
  await query()
  // A tenth of what was paid in last counts from now on: ten dollars.
  await operator('low/credit', { amountUsd: 100, note: 'paid' })
  expect(await warnings()).toHaveLength(1)
  await operator('low/credit', { amountUsd: -91, note: 'spent' })
  await expect.poll(warnings).toHaveLength(2)
})
