import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
afterEach(() => platform.stop())

/** Starts a platform whose clients state their own addresses and whose clock the test can move. */
const start = () => startPlatform({ environment: { TRUSTED_PROXIES: '127.0.0.1', PERSQL_DEV: '1' } })
/** Better Auth checks the email address before it hashes a password, so these attempts are cheap. */
const attempt = (address: string) =>
  platform.request('/api/auth/sign-in/email', {
    body: { email: 'no address', password: 'correct horse battery' },
    headers: { 'x-forwarded-for': address },
  })
const times = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))

const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const listStatuses = (answers: Answer[]) => answers.map(({ status }) => status).sort()
const allowed = Array<number>(60).fill(400)

test('an IP address has 60 attempts in a minute, and a restart does not reset them', async () => {
  platform = await start()
  const answers = await times(61, () => attempt('203.0.113.1'))
  expect(listStatuses(answers)).toEqual([...allowed, 429])
  const { headers, body } = answers.find(({ status }) => status === 429) as Answer
  const seconds = Number(headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  const error = `Rate limit exceeded. Retry after ${seconds} s.`
  expect(body).toEqual({ success: false, code: 'rate_limited', error, message: error })
  expect((await attempt('203.0.113.2')).status).toBe(400)
  expect((await attempt('2001:db8:1:1::1')).status).toBe(400)
  await platform.kill()
  await platform.restart()
  expect((await attempt('203.0.113.1')).status).toBe(429)
})

test('a window ends a minute after its first attempt, also under steady traffic, and is deleted', async () => {
  platform = await start()
  await attempt('203.0.113.2')
  await setAhead(100_000)
  await times(30, () => attempt('203.0.113.1'))
  await setAhead(120_000)
  await times(30, () => attempt('203.0.113.1'))
  await setAhead(161_000)
  expect(listStatuses(await times(60, () => attempt('203.0.113.1')))).toEqual(allowed)
  expect((await attempt('203.0.113.1')).status).toBe(429)
  await platform.kill()
  const folder = join(platform.data, 'objects', 'directory')
  const [file = ''] = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
  const rows = execFileSync('sqlite3', [join(folder, file), 'SELECT key, count FROM attempt'], { encoding: 'utf8' })
  expect(rows).toBe('203.0.113.1|/sign-in/email|60\n')
})

test('all routes without a limit of their own share one', async () => {
  platform = await start()
  const ask = (path: string) => platform.request(`/api/auth/${path}`, { headers: { 'x-forwarded-for': '203.0.113.1' } })
  const answers = await times(601, (i) => ask(`made-up-${i}`))
  expect(listStatuses(answers)).toEqual([...Array<number>(600).fill(404), 429])
  expect((await attempt('203.0.113.1')).status).toBe(400)
})
