import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { runOperator } from '../launched-instance.ts'
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
const operator = (path: string, body: object, token = platform.secret) =>
  platform.request(`/api/operator/namespaces/${path}`, { token, body })

async function linkTo(address: string): Promise<string> {
  const mails = async (): Promise<{ to: string; text: string }[]> =>
    (await platform.request('/api/dev/outbox', { token: platform.secret })).body.data.filter(
      ({ to }: { to: string }) => to === address,
    )
  await expect.poll(async () => (await mails()).length).toBeGreaterThan(0)
  // The newest mail comes first.
  return /http\S+/.exec((await mails())[0]?.text ?? '')?.[0] ?? ''
}

/** Signs up and confirms the address. The user owns a namespace with the name before the @. */
async function verified(email: string) {
  await auth('sign-up/email', { email, password, name: 'x' })
  await fetch(await linkTo(email), { redirect: 'manual' })
  return platform.session(await auth('sign-in/email', { email, password }), email)
}
type User = Awaited<ReturnType<typeof verified>>

async function invited(slug: string, role: string, email: string): Promise<User> {
  const user = await verified(email)
  expect((await operator(`${slug}/invite`, { email, role })).status).toBe(200)
  const secret = (await linkTo(email)).split('/').at(-1)
  expect((await user.request(`/api/invitations/${secret}/accept`, { body: {} })).status).toBe(200)
  return user
}

const rolesIn = async (slug: string, user: User): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await user.request(`/api/namespaces/${slug}/members`)).body.data.map(
      ({ email, role }: { email: string; role: string }) => [email, role],
    ),
  )

const cli = (...args: string[]) =>
  runOperator([...args, '--url', platform.url], { PERSQL_DATA: platform.data, PERSQL_SECRET: platform.secret })

test.each(['viewer', 'editor', 'admin'])(
  'a member with the role %s becomes an owner, and owners can do the rest',
  async (role) => {
    const lost = await verified(`lost-${role}@example.com`)
    const slug = `lost-${role}`
    const heir = await invited(slug, role, `heir-${role}@example.com`)
    expect((await heir.request(`/api/namespaces/${slug}/members/${lost.userId}`, { method: 'DELETE' })).status).toBe(
      403,
    )

    const body = { email: `Heir-${role}@Example.com`, note: 'ticket 12' }
    expect((await operator(`${slug}/owner`, body)).body.data).toMatchObject({
      userId: heir.userId,
      email: heir.email,
      role: 'owner',
    })
    // Repeating it changes nothing.
    expect((await operator(`${slug}/owner`, body)).body.data.role).toBe('owner')
    expect(await rolesIn(slug, heir)).toEqual({ [lost.email]: 'owner', [heir.email]: 'owner' })
    const audit = (await heir.request(`/api/namespaces/${slug}/audit?action=member`)).body.data
    expect(audit).toMatchObject([
      {
        actor: 'operator',
        action: 'member.role_changed',
        target: heir.userId,
        detail: { role: 'owner', note: 'ticket 12' },
      },
    ])
    expect((await heir.request(`/api/namespaces/${slug}/members/${lost.userId}`, { method: 'DELETE' })).status).toBe(
      200,
    )
    expect(await rolesIn(slug, heir)).toEqual({ [heir.email]: 'owner' })
  },
)

test("the account with a verified address becomes an owner of a namespace that it isn't a member of", async () => {
  const { token } = await platform.createNamespace('orphaned')
  const ada = await verified('ada@example.com')
  expect((await ada.request('/api/namespaces/orphaned')).body.code).toBe('namespace_not_found')
  expect(await cli('owner', 'orphaned', 'ada@example.com')).toEqual({
    code: 0,
    stdout:
      'ada@example.com is an owner of orphaned. Owners can remove other owners in the settings of the namespace.\n',
    stderr: '',
  })
  const own = (await ada.request('/api/namespaces')).body.data
  expect(own).toContainEqual(expect.objectContaining({ slug: 'orphaned', role: 'owner' }))
  const audit = (await ada.request('/api/namespaces/orphaned/audit?action=member')).body.data
  expect(audit).toMatchObject([
    { actor: 'operator', action: 'member.added', target: ada.userId, detail: { role: 'owner' } },
  ])
  // The tokens of the namespace are unchanged.
  expect((await platform.request('/v1/databases', { token })).status).toBe(200)
})

test('an owner of a suspended namespace can be made, and the namespace stays suspended', async () => {
  await platform.createNamespace('paused')
  const eve = await verified('eve@example.com')
  await operator('paused/suspend', { note: 'x' })
  expect((await operator('paused/owner', { email: eve.email })).body.data.role).toBe('owner')
  const data = await eve.request('/v1/db/paused/main/query', { body: { sql: 'SELECT 1' } })
  expect(data.status).not.toBe(200)
  expect((await eve.request('/api/namespaces/paused')).body.data).toMatchObject({ role: 'owner', status: 'suspended' })
})

test('an address that is not verified, or that no account has, gets nothing', async () => {
  const { token } = await platform.createNamespace('guarded')
  await auth('sign-up/email', { email: 'squatter@example.com', password, name: 'x' })
  const ada = await invited('guarded', 'admin', 'watcher@example.com')
  const code = async (body: object, by?: string, slug = 'guarded') =>
    (await operator(`${slug}/owner`, body, by)).body.code
  expect(await code({ email: 'squatter@example.com' })).toBe('email_not_verified')
  expect(await code({ email: 'missing@example.com' })).toBe('account_not_found')
  expect(await code({ email: ada.email }, undefined, 'nowhere')).toBe('namespace_not_found')
  expect(await code({ email: ada.email }, token)).toBe('operator_only')
  expect(await code({ email: ada.email }, `${platform.secret}x`)).toBe('operator_only')
  for (const body of [{}, { email: 'ada' }, { email: ada.email, role: 'viewer' }, { email: ada.email, note: '' }]) {
    expect(await code(body), JSON.stringify(body)).toBe('invalid_input')
  }
  expect(await rolesIn('guarded', ada)).toEqual({ [ada.email]: 'admin' })
  for (const [args, problem] of [
    [['guarded'], 'Missing email address.'],
    [['guarded', ada.email, 'more'], 'Unexpected argument "more".'],
    [['guarded', 'missing@example.com'], 'No account has the email address missing@example.com. Invite this person'],
    [['guarded', 'squatter@example.com'], "squatter@example.com of this account isn't verified"],
    [['nowhere', ada.email], 'Namespace "nowhere" not found.'],
  ] as const) {
    const { code, stderr } = await cli('owner', ...args)
    expect([code, stderr], args.join(' ')).toEqual([1, expect.stringContaining(problem)])
  }
})
