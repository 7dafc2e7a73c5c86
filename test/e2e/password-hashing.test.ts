import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { type Answer, type PlatformSettings, startPlatform, type TestPlatform } from '../harness.ts'

let platforms: TestPlatform[] = []
afterEach(async () => {
  for (const platform of platforms) await platform.stop()
  platforms = []
})

/** Starts a platform whose clients state their own addresses and whose clock the test can move. */
async function start(settings: PlatformSettings = {}): Promise<TestPlatform> {
  const environment = { TRUSTED_PROXIES: '127.0.0.1', PERSQL_DEV: '1', ...settings.environment }
  const platform = await startPlatform({ hashing: 'socket', ...settings, environment })
  platforms.push(platform)
  return platform
}

const password = 'correct horse battery'
const signIn = (platform: TestPlatform, email: string, address = '203.0.113.1', given = password) =>
  platform.request('/api/auth/sign-in/email', {
    body: { email, password: given },
    headers: { 'x-forwarded-for': address },
  })
const times = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))
const outcome = ({ status, body }: Answer) => (status === 200 ? 200 : `${status} ${body.code}`)
const outcomes = (answers: Answer[]) => [...new Set(answers.map(outcome))].sort()

/** Creates a database with endpoints for sign-up and login, and the user ada@example.com. */
async function createApp(platform: TestPlatform, slug: string) {
  const namespace = await platform.createNamespace(slug)
  const app = await createEndpoints(platform, namespace)
  for (const spec of [specs.signup, specs.login]) await app.publish(spec)
  const enter = (endpoint: 'signup' | 'login', email: string) => app.call(endpoint, { body: { email, password } })
  expect((await enter('signup', 'ada@example.com')).status).toBe(200)
  return { ...app, token: namespace.token, enter }
}

test('each of many parallel sign-ins is served or refused with Retry-After, and other tenants are not affected', async () => {
  const platform = await start()
  await platform.signUp('ada@example.com')
  const neighbor = (await platform.createNamespace('acme')).db()
  let pending = true
  const queries: Answer[] = []
  const asking = (async () => {
    while (pending) queries.push(await neighbor.query('SELECT 1 AS n'))
  })()
  const emails = ['ada@example.com', 'nobody@example.com']
  const answers = await times(40, (i) => signIn(platform, emails[i % 2] as string, `203.0.113.${i % 4}`))
  pending = false
  await asking
  expect(outcomes(queries)).toEqual([200])
  expect(outcomes(answers)).toEqual([200, '401 INVALID_EMAIL_OR_PASSWORD', '429 too_busy'])
  const refused = answers.find(({ status }) => status === 429) as Answer
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(refused.body.message).toBe('Too many passwords are being checked. Retry after 2 s.')
  expect(refused.body).toMatchObject({ success: false, error: refused.body.message })
  expect(outcome(await signIn(platform, 'ada@example.com', '203.0.113.9'))).toBe(200)
})

test('the logins of one database keep neither accounts nor the users of other databases from signing in', async () => {
  const platform = await start()
  await platform.signUp('ada@example.com')
  const [busy, other] = [await createApp(platform, 'busy'), await createApp(platform, 'other')]
  const flood = times(60, () => busy.enter('login', 'ada@example.com'))
  const signedIn = await times(4, (i) => signIn(platform, 'ada@example.com', `203.0.113.${i}`))
  const loggedIn = await times(3, () => other.enter('login', 'ada@example.com'))
  expect(outcomes([...signedIn, ...loggedIn])).toEqual([200])
  const flooded = await flood
  expect(outcomes(flooded)).toEqual([200, '429 too_busy'])
  const refused = flooded.find(({ status }) => status === 429) as Answer
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(refused.body).toEqual({
    ok: false,
    code: 'too_busy',
    error: 'Too many passwords are being checked. Retry after 2 s.',
  })
})

test('sign-ins and sign-ups continue when the process that hashes is killed, and the next ones succeed', async () => {
  const platform = await start()
  await platform.signUp('ada@example.com')
  const app = await createApp(platform, 'acme')
  const signing = times(10, (i) => signIn(platform, 'ada@example.com', `203.0.113.${i}`))
  const joining = times(5, (i) => app.enter('signup', `u${i}@example.com`))
  for (const _ of [1, 2]) {
    const pid = platform.hashingPid()
    process.kill(pid, 'SIGKILL')
    while (platform.hashingPid() === pid) await delay(10)
  }
  expect(outcomes([...(await signing), ...(await joining)])).toEqual([200])
  expect((await app.admin.query("SELECT count(*) FROM users WHERE email LIKE 'u_@%'")).body.data.rows).toEqual([[5]])
  expect(outcome(await signIn(platform, 'ada@example.com'))).toBe(200)
  expect(outcome(await app.enter('login', 'u0@example.com'))).toBe(200)
})

test('without the process that hashes, sign-ins and logins are refused for now', async () => {
  const platform = await start()
  await platform.signUp('ada@example.com')
  const app = await createApp(platform, 'acme')
  await platform.stopHashing()
  const refused = await Promise.all([signIn(platform, 'ada@example.com'), app.enter('login', 'ada@example.com')])
  expect(outcomes(refused)).toEqual(['429 too_busy'])
  expect(refused[0].body.message).toBe('The process that checks passwords is restarting. Retry after 2 s.')
})

test.each(['socket', 'port'] as const)(
  'accounts and users made in place sign in through the process, and the other way round: %s',
  async (hashing) => {
    const data = await makeDataFolder('persql-hashing-')
    const settings = { data, environment: { PERSQL_SECRET: 'a-secret-of-this-test' } }
    try {
      const inPlace = await startPlatform({ ...settings, hashing: 'none' })
      await inPlace.signUp('before@example.com', 'ﬁrst pässwörd')
      await createApp(inPlace, 'acme')
      await inPlace.stop()
      const outside = await startPlatform({ ...settings, hashing })
      expect(outcome(await signIn(outside, 'before@example.com', undefined, 'ﬁrst pässwörd'))).toBe(200)
      expect(outcome(await signIn(outside, 'before@example.com', undefined, 'ﬁrst passwörd'))).toMatch(/^401/)
      const call = (platform: TestPlatform, endpoint: string, email: string, given = password) =>
        platform.request(`/p/acme/main/${endpoint}`, { body: { email, password: given } })
      expect(outcome(await call(outside, 'login', 'ada@example.com'))).toBe(200)
      expect(outcome(await call(outside, 'login', 'ada@example.com', 'wrong'))).toBe('401 login_failed')
      expect(outcome(await call(outside, 'signup', 'bob@example.com'))).toBe(200)
      await outside.signUp('after@example.com')
      await outside.stop()
      const again = await startPlatform({ ...settings, hashing: 'none' })
      expect(outcome(await signIn(again, 'after@example.com'))).toBe(200)
      expect(outcome(await signIn(again, 'after@example.com', undefined, 'not the password'))).toMatch(/^401/)
      expect(outcome(await call(again, 'login', 'bob@example.com'))).toBe(200)
      await again.stop()
    } finally {
      await removeDataFolder(data)
    }
  },
)

test('an endpoint that is paused, or a database that is deleted, while a password is hashed signs no user in', async () => {
  const platform = await start()
  const app = await createApp(platform, 'acme')
  /** Runs `change` while these calls wait for the process that hashes. */
  const during = async (change: () => Promise<Answer>, call: (i: number) => Promise<Answer>) => {
    process.kill(platform.hashingPid(), 'SIGSTOP')
    const calls = times(8, call)
    // A call that arrives later is refused as well.
    await delay(100)
    expect(outcome(await change())).toBe(200)
    process.kill(platform.hashingPid(), 'SIGCONT')
    return outcomes(await calls)
  }
  const pause = () => app.manage('/signup/pause', { body: {} })
  expect(await during(pause, (i) => app.enter('signup', `u${i}@example.com`))).toEqual(['404 endpoint_not_found'])
  const { body } = await app.admin.query('SELECT count(*) FROM users')
  expect(body.data.rows).toEqual([[1]])
  const drop = () => platform.request('/v1/databases/main', { method: 'DELETE', token: app.token })
  const refused = await during(drop, () => app.enter('login', 'ada@example.com'))
  for (const each of refused) expect(['404 endpoint_not_found', '404 database_not_found']).toContain(each)
})
