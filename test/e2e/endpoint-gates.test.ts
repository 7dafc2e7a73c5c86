import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs, standIn } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
let main: Awaited<ReturnType<typeof createEndpoints>>
let turnstile: Awaited<ReturnType<typeof standIn>>
/** The responses of the stand-in for Turnstile, by token. */
const verdicts: Record<string, { status?: number; body: unknown } | 'hang'> = {
  good: { body: { success: true } },
  bad: { body: { success: false, 'error-codes': ['invalid-input-response'] } },
  broken: { status: 500, body: 'oops' },
  odd: { body: 'no JSON' },
}

beforeAll(async () => {
  turnstile = await standIn(
    (body) => verdicts[new URLSearchParams(body).get('response') ?? ''] ?? { status: 404, body: '' },
  )
  platform = await startPlatform({
    environment: {
      PERSQL_DEV: '1',
      TURNSTILE_SECRET_KEY: 'turnstile-secret',
      TURNSTILE_URL: turnstile.url,
      TRUSTED_PROXIES: '127.0.0.1',
    },
  })
  const acme = await platform.createNamespace('acme')
  token = acme.token
  main = await createEndpoints(platform, acme)
})
afterAll(async () => {
  await platform.stop()
  turnstile.stop()
})

const setAhead = async (aheadMs: number) => {
  expect((await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })).status).toBe(200)
}
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('a rate limit', () => {
  const from = (slug: string, address = '203.0.113.1') =>
    main.call(`${slug}?author=ada`, { headers: { 'x-forwarded-for': address } })
  /** Sends concurrent calls and returns the number of successes and the errors of the others. */
  async function burst(slug: string, clients: number, each: number, address?: string) {
    const answers = await Promise.all(
      Array.from({ length: clients }, async () => {
        const mine = []
        for (let i = 0; i < each; i++) mine.push(await from(slug, address))
        return mine
      }),
    )
    const refused = answers.flat().filter(({ status }) => status !== 200)
    expect(refused.every(({ status, body }) => status === 429 && body.code === 'rate_limited')).toBe(true)
    return { served: clients * each - refused.length, refused }
  }

  test('is exact under 16 clients, per IP address', async () => {
    await main.publish({ ...specs.list, slug: 'limited', rateLimit: { perMin: 100 } } as never)
    const [ada, bob] = await Promise.all([
      burst('limited', 16, 20, '203.0.113.1'),
      burst('limited', 16, 20, '203.0.113.2'),
    ])
    expect([ada.served, bob.served]).toEqual([100, 100])
    const { headers, body } = ada.refused.at(-1) as (typeof ada.refused)[0]
    const seconds = Number(headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(body.error).toBe(`Rate limit exceeded. Retry after ${seconds} s.`)
  })

  test('is exact across a crash in the middle', async () => {
    await main.publish({ ...specs.list, slug: 'crashing', rateLimit: { perMin: 60 } } as never)
    expect((await burst('crashing', 16, 2)).served).toBe(32)
    await platform.kill()
    await platform.restart()
    expect((await burst('crashing', 16, 10)).served).toBe(28)
    await platform.kill()
    await platform.restart()
    expect((await burst('crashing', 4, 4)).served).toBe(0)
  })

  test('opens again a minute after the first call, and the day’s a day after', async () => {
    await main.publish({ ...specs.list, slug: 'daily', rateLimit: { perMin: 3, perDay: 7 } } as never)
    expect((await burst('daily', 1, 5)).served).toBe(3)
    await setAhead(MINUTE)
    expect((await burst('daily', 2, 5)).served).toBe(3)
    await setAhead(2 * MINUTE)
    const last = await burst('daily', 2, 5)
    expect(last.served).toBe(1)
    expect(Number(last.refused.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(80_000)
    await setAhead(DAY - MINUTE)
    expect((await burst('daily', 1, 1)).served).toBe(0)
    await setAhead(DAY + MINUTE)
    expect((await burst('daily', 1, 5)).served).toBe(3)
  })

  test('counts a customer’s IPv6 network as one, and calls that fail later', async () => {
    await main.publish({ ...specs.list, slug: 'networks', rateLimit: { perMin: 2 } } as never)
    expect((await from('networks', '2001:db8:1:1::1')).status).toBe(200)
    const failed = await main.call('networks', { headers: { 'x-forwarded-for': '2001:db8:1:1::2' } })
    expect(failed.status).toBe(400)
    expect((await from('networks', '2001:db8:1:1:ffff::3')).status).toBe(429)
    expect((await from('networks', '2001:db8:1:2::1')).status).toBe(200)
  })

  test('is not billed where it refuses', async () => {
    const requests = async () => (await platform.request('/v1/usage', { token })).body.data.spend.requests.quantity
    const before = await requests()
    expect((await burst('limited', 4, 5, '203.0.113.1')).served).toBe(20)
    expect((await requests()) - before).toBe(20)
    await burst('limited', 16, 10, '203.0.113.1')
    const full = await requests()
    await burst('limited', 4, 5, '203.0.113.1')
    expect(await requests()).toBe(full)
  })

  test('a changed limit counts what was called before', async () => {
    await main.publish({ ...specs.list, slug: 'changing', rateLimit: { perMin: 5 } } as never)
    expect((await burst('changing', 1, 9)).served).toBe(5)
    await main.manage('/changing', { method: 'PATCH', body: { rateLimit: { perMin: 8 } } })
    expect((await burst('changing', 1, 9)).served).toBe(3)
    await main.manage('/changing', { method: 'PATCH', body: { rateLimit: null } })
    expect((await burst('changing', 1, 9)).served).toBe(9)
  })
})

describe('a captcha', () => {
  const call = (captcha?: string) =>
    main.call('captcha?author=ada', captcha === undefined ? {} : { headers: { 'cf-turnstile-response': captcha } })
  beforeAll(() => main.publish({ ...specs.list, slug: 'captcha', captcha: true } as never))

  test('lets those pass that the provider knows', async () => {
    expect((await call('good')).status).toBe(200)
    const asked = new URLSearchParams(turnstile.asked.at(-1)?.body)
    expect(turnstile.asked.at(-1)?.path).toBe('/turnstile/v0/siteverify')
    expect([asked.get('secret'), asked.get('response'), asked.get('remoteip')]).toEqual([
      'turnstile-secret',
      'good',
      '127.0.0.1',
    ])
  })
  test.each([
    [undefined, 403, 'captcha_missing'],
    ['', 403, 'captcha_missing'],
    ['bad', 403, 'captcha_failed'],
    ['broken', 503, 'captcha_unavailable'],
    ['odd', 503, 'captcha_unavailable'],
  ])('refuses %s with %s %s', async (captcha, status, code) => {
    const answer = await call(captcha)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })
  test('rejects all calls without a captcha secret', async () => {
    const plain = await startPlatform()
    const { publish, call: callPlain } = await createEndpoints(plain, await plain.createNamespace('acme'))
    await publish({ ...specs.list, slug: 'captcha', captcha: true } as never)
    const answer = await callPlain('captcha?author=ada', { headers: { 'cf-turnstile-response': 'good' } })
    expect([answer.status, answer.body.code]).toEqual([503, 'captcha_unavailable'])
    await plain.stop()
  })
})

describe('pages of other sites', () => {
  const as = (slug: string, origin: string, options = {}) =>
    main.call(`${slug}?author=ada`, { headers: { origin }, ...options })
  beforeAll(async () => {
    await main.publish({
      ...specs.list,
      slug: 'some',
      cors: ['https://app.example.com', 'http://localhost:3000'],
    } as never)
    await main.publish({ ...specs.list, slug: 'any', cors: ['*'] } as never)
    await main.publish({ ...specs.list, slug: 'none' } as never)
    await main.publish({ ...specs.add, slug: 'write', cors: ['https://app.example.com'] } as never)
  })

  test('may call where they are named, and read what is wrong', async () => {
    const { status, headers } = await as('some', 'https://app.example.com')
    expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([
      200,
      'https://app.example.com',
      'Origin',
    ])
    const wrong = await main.call('some', { headers: { origin: 'http://localhost:3000' } })
    expect([wrong.status, wrong.headers.get('access-control-allow-origin')]).toEqual([400, 'http://localhost:3000'])
    expect((await as('any', 'https://whoever.example')).headers.get('access-control-allow-origin')).toBe('*')
  })

  test.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://app.example.co',
    'http://app.example.com',
    'https://APP.example.com',
    'https://app.example.com:8443',
    'null',
    'https://app.example.com, https://evil.example',
  ])('may not call where they are not: %s', async (origin) => {
    for (const slug of ['some', 'none']) {
      const { status, headers, body } = await as(slug, origin)
      expect([status, body.code, headers.get('access-control-allow-origin')]).toEqual([403, 'page_not_allowed', null])
    }
  })

  test('write nothing where they are not named', async () => {
    const body = { author: 'eve', text: 'from afar' }
    const { status } = await main.call('write', { body, headers: { origin: 'https://evil.example' } })
    expect(status).toBe(403)
    expect((await main.admin.query("SELECT 1 FROM notes WHERE text = 'from afar'")).body.data.rows).toEqual([])
  })

  test('get a response to a preflight request', async () => {
    const asks = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
    const ask = (origin: string) => main.call('write', { method: 'OPTIONS', headers: { origin, ...asks } })
    const allowed = await ask('https://app.example.com')
    expect(allowed.status).toBe(204)
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Authorization, Content-Type, cf-turnstile-response',
    })
    const refused = await ask('https://evil.example')
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
    expect((await main.call('unknown', { method: 'OPTIONS', headers: asks })).status).toBe(404)
  })

  test('are no other sites when they are the instance’s own', async () => {
    expect((await as('none', platform.url)).status).toBe(200)
  })
})

test('the balance is asked before the rate limit, the limit before the captcha, the captcha before the session, that before the input', async () => {
  const { token: poor } = await platform.createNamespace('poor')
  const endpoints = await createEndpoints(platform, await platform.createNamespace('poor'))
  const gates = { rateLimit: { perMin: 2 }, captcha: true, auth: 'session' }
  await endpoints.publish({ ...specs.list, slug: 'gated', ...gates } as never)
  const code = async (headers: Record<string, string> = {}) => (await endpoints.call('gated', { headers })).body.code
  expect(await code()).toBe('captcha_missing')
  expect(await code({ 'cf-turnstile-response': 'good' })).toBe('session_missing')
  expect(await code({ 'cf-turnstile-response': 'good' })).toBe('rate_limited')
  await setAhead(2 * DAY)
  const sessions = await platform.request('/v1/sessions', {
    token: poor,
    body: { namespaceSlug: 'poor', databaseSlug: 'main', userId: 1 },
  })
  const authorization = `Bearer ${sessions.body.data.token}`
  expect(await code({ 'cf-turnstile-response': 'good', authorization })).toBe('fields_refused')
  await platform.request('/api/operator/namespaces/poor/credit', {
    token: platform.secret,
    body: { amountUsd: -100, ref: 'empty', note: 'test' },
  })
  await expect.poll(() => code()).toBe('insufficient_balance')
  const { status, headers, body } = await endpoints.call('gated')
  expect(status).toBe(402)
  expect(body).toMatchObject({
    ok: false,
    error: 'Insufficient balance',
    x402Version: 1,
    accepts: [{ scheme: 'exact' }],
  })
  expect(headers.get('payment-required')).toBeTruthy()
})
