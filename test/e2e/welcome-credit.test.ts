import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { PlatformEnvironment } from '../../apps/launcher/src/config.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { ObjectFiles, removeFile, runOnFile } from '../object-files.ts'
import { SmtpServer } from '../smtp-server.ts'

const running: TestPlatform[] = []
const server = new SmtpServer()
beforeAll(() => server.start())
afterEach(async () => {
  for (const platform of running.splice(0)) await platform.stop()
})
afterAll(() => server.stop())

type Session = Awaited<ReturnType<TestPlatform['signUp']>>
const password = 'correct horse battery'

async function start(environment: PlatformEnvironment = {}): Promise<TestPlatform> {
  const platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT: 'person', ...environment } })
  running.push(platform)
  return platform
}

/** Starts a platform that sends mail, so that users confirm their email addresses. */
function startWithMail(): Promise<TestPlatform> {
  return start({
    SMTP_URL: `smtp://127.0.0.1:${server.port}`,
    MAIL_FROM: 'noreply@persql.test',
    PERSQL_DEV: '1',
  })
}

/** Creates an account and opens the link in its mail. */
async function confirmed(platform: TestPlatform, email: string): Promise<Session> {
  await platform.request('/api/auth/sign-up/email', { body: { email, password, name: 'x' } })
  const mails = async () =>
    (await platform.request('/api/dev/outbox', { token: platform.secret })).body.data as { to: string; text: string }[]
  await expect.poll(async () => (await mails()).some(({ to }) => to === email.toLowerCase())).toBe(true)
  const { text = '' } = (await mails()).find(({ to }) => to === email.toLowerCase()) ?? {}
  await fetch(/http\S+/.exec(text)?.[0] ?? '', { redirect: 'manual' })
  return signIn(platform, email)
}

async function signIn(platform: TestPlatform, email: string): Promise<Session> {
  return platform.session(await platform.request('/api/auth/sign-in/email', { body: { email, password } }), email)
}

const found = (user: Session, slug: string) => user.request('/api/namespaces', { body: { slug } })
const credit = async (user: Session, slug: string) =>
  (await user.request(`/api/namespaces/${slug}/billing`)).body.data.welcomeCredit
const slugs = async (user: Session): Promise<string[]> =>
  (await user.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)
const credits = async (user: Session) => Promise.all((await slugs(user)).map(async (slug) => credit(user, slug)))
const granted = { amountUsd: 5, reason: null }
const refused = (reason: string) => ({ amountUsd: 0, reason })
const directory = (platform: TestPlatform) => new ObjectFiles(platform.data, 'directory').list()[0] as string
/** Runs statements on the Directory's file while the platform is stopped, then starts it again. */
async function changeDirectory(platform: TestPlatform, ...statements: string[]): Promise<void> {
  await platform.kill()
  runOnFile(directory(platform), ...statements)
  await platform.restart()
}

test('a person gets the credit once: other namespaces start at zero and say why', async () => {
  const platform = await startWithMail()
  const ada = await confirmed(platform, 'ada@example.com')
  expect(await credit(ada, 'ada')).toEqual(granted)
  const second = await found(ada, 'second')
  expect(second.body.data).toMatchObject({ slug: 'second', role: 'owner', welcomeCredit: refused('already_received') })
  const { balanceUsd, ledger, welcomeCredit } = (await ada.request('/api/namespaces/second/billing')).body.data
  expect({ balanceUsd, ledger, welcomeCredit }).toEqual({
    ...{ balanceUsd: 0, ledger: [], welcomeCredit: refused('already_received') },
  })
  const { data } = (await ada.request('/api/namespaces/second/tokens', { body: { name: 'x' } })).body
  expect((await platform.database('second', 'main', data.token).query('SELECT 1')).status).toBe(402)
  const { token } = await platform.createNamespace('acme')
  expect((await platform.request('/v1/billing', { token })).body.data.welcomeCredit).toEqual(granted)
})

test('after ada@example.com, other spellings of it get nothing, and other addresses do', async () => {
  const platform = await startWithMail()
  await confirmed(platform, 'ada@example.com')
  for (const [email, reason] of [
    ['ada+2@example.com', 'already_received'],
    ['ADA+a.b@Example.com', 'already_received'],
    ['a.da@example.com', null],
    ['ada@example.org', null],
  ] as const) {
    const other = await confirmed(platform, email)
    expect(await credits(other), email).toEqual([reason === null ? granted : refused(reason)])
  }
})

test('concurrent foundings by several accounts of one person give one credit', async () => {
  const platform = await startWithMail()
  const emails = ['a.b@gmail.com', 'ab+x@googlemail.com', 'A.B@googlemail.com', 'ab@gmail.com']
  const users = await Promise.all(emails.map((email) => confirmed(platform, email)))
  const more = await Promise.all(users.map((user, i) => found(user, `more-${i}`)))
  expect(more.map(({ body }) => body.data.welcomeCredit)).toEqual(users.map(() => refused('already_received')))
  const all = (await Promise.all(users.map(credits))).flat()
  expect(all.filter(({ amountUsd }) => amountUsd > 0)).toEqual([granted])
})

test('a claim outlives the namespace and the account, and contains no address', async () => {
  const platform = await startWithMail()
  const ada = await confirmed(platform, 'ada@example.com')
  expect((await ada.request('/api/namespaces/ada', { method: 'DELETE' })).status).toBe(200)
  expect((await found(ada, 'again')).body.data.welcomeCredit).toEqual(refused('already_received'))
  await changeDirectory(platform, 'PRAGMA foreign_keys = ON', `DELETE FROM user WHERE id = '${ada.userId}'`)
  const claims = runOnFile(directory(platform), 'SELECT person FROM welcome_claim').trim().split('\n')
  expect(claims).toHaveLength(2)
  for (const claim of claims) expect(claim).toMatch(/^[0-9a-f]{64}$/)
  const back = await confirmed(platform, 'ada+new@example.com')
  expect(await credits(back)).toEqual([refused('already_received')])
})

test('without mail, only the first account of the instance gets the credit', async () => {
  const platform = await start()
  const first = await platform.signUp('first@example.com')
  const second = await platform.signUp('second@example.com')
  expect(await credits(first)).toEqual([granted])
  expect(await credits(second)).toEqual([refused('not_verified')])
  expect((await found(first, 'more')).body.data.welcomeCredit).toEqual(refused('already_received'))
  expect((await found(second, 'even-more')).body.data.welcomeCredit).toEqual(refused('not_verified'))
})

test('an account at a provider is a person, with any email address', async () => {
  const platform = await start()
  const users: Session[] = []
  for (const name of ['one', 'two', 'three', 'four']) users.push(await platform.signUp(`${name}@example.com`))
  const [, two, three, four] = users as [Session, Session, Session, Session]
  const link = (user: Session, provider: string, id: string) =>
    `INSERT INTO account (id, accountId, providerId, userId, createdAt, updatedAt)
     VALUES ('${user.userId}-x', '${id}', '${provider}', '${user.userId}', '2026-01-01', '2026-01-01')`
  await changeDirectory(platform, link(two, 'github', '42'), link(three, 'github', '42'), link(four, 'google', '42'))
  expect((await found(two, 'two-x')).body.data.welcomeCredit).toEqual(granted)
  expect((await found(three, 'three-x')).body.data.welcomeCredit).toEqual(refused('already_received'))
  expect((await found(four, 'four-x')).body.data.welcomeCredit).toEqual(granted)
})

test('with PERSQL_WELCOME_CREDIT=namespace every namespace gets the credit', async () => {
  const platform = await start({ PERSQL_WELCOME_CREDIT: 'namespace' })
  const user = await platform.signUp('user@example.com')
  expect((await found(user, 'second')).body.data.welcomeCredit).toEqual(granted)
  expect(await credits(user)).toEqual([granted, granted])
})

test('an operator who gives no credit burns no claims', async () => {
  const platform = await start({ PERSQL_WELCOME_CREDIT_USD: '0' })
  const user = await platform.signUp('user@example.com')
  expect(await credits(user)).toEqual([refused('disabled')])
  expect(runOnFile(directory(platform), 'SELECT count(*) FROM welcome_claim').trim()).toBe('0')
})

describe('after a crash', () => {
  test('between decision and founding, the namespace gets its credit, and no other does', async () => {
    const platform = await start()
    let user: Session | undefined
    const file = await new ObjectFiles(platform.data, 'namespace').created(async () => {
      user = await platform.signUp('user@example.com')
    })
    await platform.kill()
    removeFile(file)
    runOnFile(directory(platform), "UPDATE namespace SET id = '' WHERE slug = 'user'", 'UPDATE welcome SET done = 0')
    await platform.restart()
    const other = await found(user as Session, 'other')
    expect(other.body.data.welcomeCredit).toEqual(refused('already_received'))
    user = await signIn(platform, 'user@example.com')
    expect(await credits(user)).toEqual([refused('already_received'), granted])
  })

  test('at any moment, a repeated founding gives one credit', async () => {
    const platform = await start()
    await platform.signUp('first@example.com')
    const user = await platform.signUp('user@example.com')
    await changeDirectory(platform, 'UPDATE user SET emailVerified = 1')
    for (let round = 0; round < 5; round++) {
      const interrupted = found(user, `ns-${round}`).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, round * 4))
      await platform.kill()
      await interrupted
      await platform.restart()
      const again = await found(user, `ns-${round}`)
      expect([200, 409]).toContain(again.status)
    }
    const all = await credits(user)
    expect(all).toHaveLength(6)
    expect(all.filter(({ amountUsd }) => amountUsd > 0)).toEqual([granted])
  })
})

describe('at the upgrade', () => {
  /** Removes everything that this version records, as a folder of an older version has none of it. */
  const forget = (platform: TestPlatform, ...more: string[]) =>
    changeDirectory(
      platform,
      'UPDATE namespace SET welcome = NULL',
      'DELETE FROM welcome_claim',
      "DELETE FROM _cf_KV WHERE key = 'welcome-claims-key'",
      ...more,
    )

  test('people who founded a namespace had their credit', async () => {
    const platform = await startWithMail()
    const ada = await confirmed(platform, 'ada@example.com')
    await forget(platform)
    const other = await confirmed(platform, 'ada+2@example.com')
    expect(await credits(other)).toEqual([refused('already_received')])
    expect((await found(ada, 'more')).body.data.welcomeCredit).toEqual(refused('already_received'))
    expect(await credits(await confirmed(platform, 'new@example.com'))).toEqual([granted])
  })

  test('a founding that was interrupted by it gets its credit', async () => {
    const platform = await start()
    let user: Session | undefined
    const file = await new ObjectFiles(platform.data, 'namespace').created(async () => {
      user = await platform.signUp('user@example.com')
    })
    await platform.kill()
    removeFile(file)
    await forget(platform, "UPDATE namespace SET id = ''", 'UPDATE welcome SET done = 0')
    expect(await credits(await signIn(platform, 'user@example.com'))).toEqual([granted])
    expect((await found(user as Session, 'more')).body.data.welcomeCredit).toEqual(refused('already_received'))
  })
})

test('a new operator secret forgets no person who has an account', async () => {
  const platform = await start()
  const user = await platform.signUp('user@example.com')
  await changeDirectory(platform, "DELETE FROM _cf_KV WHERE key = 'welcome-claims-key'", 'DELETE FROM welcome_claim')
  expect((await found(user, 'more')).body.data.welcomeCredit).toEqual(refused('already_received'))
})

test('an account founds as many namespaces as the operator allows', async () => {
  const platform = await start({ PERSQL_MAX_NAMESPACES: '3' })
  const user = await platform.signUp('user@example.com')
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((slug) => found(user, slug)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 409, 409])
  expect(answers.find(({ status }) => status === 409)?.body).toEqual({
    success: false,
    error:
      'Your account already has 3 namespaces, which is the limit. Delete one, or ask the operator for a higher limit.',
    code: 'too_many_namespaces',
    limit: 3,
  })
  expect((await found(user, 'user')).body.code).toBe('slug_taken')
  const [slug] = await slugs(user)
  await user.request(`/api/namespaces/${slug}`, { method: 'DELETE' })
  expect((await found(user, 'e')).status).toBe(200)
  await platform.createNamespace('acme')
  expect((await found(await platform.signUp('other@example.com'), 'f')).status).toBe(200)
})
