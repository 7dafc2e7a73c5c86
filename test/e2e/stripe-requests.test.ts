import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import Stripe from 'stripe'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { stripeKey, webhookSecret } from '../stripe-double.ts'

interface Reply {
  status: number
  headers?: Record<string, string>
  body: string
}
/** `hang up` closes the connection before the headers, `cut off` within the body. */
type Behavior = Reply | 'hang up' | 'cut off'

interface Received {
  method: string | undefined
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

const reply = (status: number, body: unknown, headers?: Record<string, string>): Reply => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const fails = (status: number, type = 'api_error', headers?: Record<string, string>) =>
  reply(status, { error: { type, code: 'a_code', message: 'No.' } }, headers)
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

/** How the server behaves to the next requests about a namespace. It then succeeds. */
const script = new Map<string, Behavior[]>()
const received = new Map<string, Received[]>()

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const { method, url, headers } = request
  const isSession = method === 'POST'
  const namespace = isSession
    ? (new URLSearchParams(body).get('metadata[namespace]') ?? '')
    : (/^\/v1\/payment_intents\/pi_([a-z]+)/.exec(url ?? '')?.[1] ?? '')
  received.set(namespace, [...(received.get(namespace) ?? []), { method, url, headers, body }])
  const good = isSession
    ? { id: 'cs_1', url: 'https://checkout.stripe.test/cs_1' }
    : { id: 'pi_1', metadata: { namespace, topup: 'topup_x' } }
  const behavior = script.get(namespace)?.shift() ?? reply(200, good)
  if (behavior === 'hang up') return void request.socket.destroy()
  if (behavior === 'cut off') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    return void response.write('{"id":', () => request.socket.destroy())
  }
  response.writeHead(behavior.status, {
    'content-type': 'application/json',
    'request-id': `req_${namespace}`,
    ...behavior.headers,
  })
  response.end(behavior.body)
})

let platform: TestPlatform
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  platform = await startPlatform({
    environment: {
      STRIPE_SECRET_KEY: stripeKey,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      STRIPE_API_URL: `http://127.0.0.1:${port}`,
    },
  })
})
afterAll(async () => {
  await platform.stop()
  server.closeAllConnections()
  server.close()
})

let count = 0
/** Creates a namespace that only one test uses. */
async function create(behaviors: readonly Behavior[]): Promise<{ ns: string; token: string }> {
  const ns = `wire${[...String(count++)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}`
  script.set(ns, [...behaviors])
  return { ns, token: (await platform.createNamespace(ns)).token }
}
const topUp = async (token: string) => {
  const { status, body } = await platform.request('/v1/billing/topup', { token, body: { amountUsd: 25 } })
  return status === 200 ? 200 : `${status} ${body.code}`
}
const requests = (ns: string) => received.get(ns) ?? []
const keys = (ns: string) => requests(ns).map(({ headers }) => headers['idempotency-key'])
const logged = (ns: string) =>
  platform.stderr
    .filter((line) => line.includes('stripe_failed'))
    .map((line) => JSON.parse(line))
    .filter(({ requestId }) => requestId === `req_${ns}`)

test('a payment page is requested with one form', async () => {
  const { ns, token } = await create([])
  expect(await topUp(token)).toBe(200)
  const [request, ...others] = requests(ns)
  expect(others).toEqual([])
  expect(request).toMatchObject({
    method: 'POST',
    url: '/v1/checkout/sessions',
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${stripeKey}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(request?.body.length),
      'idempotency-key': expect.stringMatching(/^topup_[0-9a-f]{32}$/),
      'stripe-version': Stripe.API_VERSION,
    },
  })
  const id = request?.headers['idempotency-key']
  const url = encodeURIComponent(`${platform.url}/billing?namespace=${ns}`)
  expect(request?.body.replace(/expires_at=\d{10}&/, 'expires_at=SECONDS&')).toBe(
    [
      'mode=payment',
      'line_items[0][quantity]=1',
      'line_items[0][price_data][currency]=usd',
      'line_items[0][price_data][unit_amount]=2500',
      `line_items[0][price_data][product_data][name]=PerSQL%20balance%20of%20${ns}`,
      `client_reference_id=${ns}`,
      `metadata[namespace]=${ns}`,
      `metadata[topup]=${id}`,
      `payment_intent_data[metadata][namespace]=${ns}`,
      `payment_intent_data[metadata][topup]=${id}`,
      'adaptive_pricing[enabled]=false',
      'expires_at=SECONDS',
      `success_url=${url}%26paid%3D${id}`,
      `cancel_url=${url}`,
    ].join('&'),
  )
})

/** `refused`: Stripe will refuse the same key again, so the next top-up has another. `unknown`: it repeats the key. */
type Outcome = 'opened' | 'refused' | 'unknown'
const cases: [name: string, behaviors: Behavior[], requests: number, outcome: Outcome][] = [
  ['a 500 that repeats', times(3, fails(500)), 3, 'refused'],
  ['a 500 that passes', [fails(500)], 2, 'opened'],
  ['a 500 that says not to retry', [fails(500, 'api_error', { 'stripe-should-retry': 'false' })], 1, 'refused'],
  ['a 503 without JSON', times(3, reply(503, '<html>')), 3, 'unknown'],
  ['a conflict that repeats', times(3, fails(409, 'idempotency_error')), 3, 'unknown'],
  ['a conflict that passes', times(2, fails(409, 'idempotency_error')), 3, 'opened'],
  ['a rate limit', [fails(429, 'invalid_request_error')], 1, 'unknown'],
  ['a rate limit that says to retry', [fails(429, 'api_error', { 'stripe-should-retry': 'true' })], 2, 'opened'],
  ['an invalid request', [fails(400, 'invalid_request_error')], 1, 'refused'],
  ['a wrong key', [fails(401, 'invalid_request_error')], 1, 'refused'],
  ['a refused payment', [fails(402, 'card_error')], 1, 'refused'],
  ['a forbidden request', [fails(403, 'invalid_request_error')], 1, 'refused'],
  ['an unknown path', [fails(404, 'invalid_request_error')], 1, 'refused'],
  ['connections that close', times(3, 'hang up' as const), 3, 'unknown'],
  ['a connection that closes once', ['hang up'], 2, 'opened'],
  ['a body that ends early', ['cut off'], 1, 'unknown'],
  ['a body that is not JSON', [reply(200, 'OK')], 1, 'unknown'],
  ['a body that is not an object', [reply(200, 'null')], 1, 'unknown'],
  ['an error with status 200', [fails(200)], 1, 'refused'],
  ['a session without a page', [reply(200, { id: 'cs_1', url: null })], 1, 'refused'],
]
describe.concurrent('a payment page after', () => {
  test.each(cases)('%s', async (_name, behaviors, expected, outcome) => {
    const { ns, token } = await create(behaviors)
    expect(await topUp(token)).toBe(outcome === 'opened' ? 200 : '502 payment_provider_failed')
    expect(requests(ns)).toHaveLength(expected)
    expect(new Set(keys(ns)).size).toBe(1)
    expect(new Set(requests(ns).map(({ body }) => body)).size).toBe(1)
    if (outcome === 'opened') return
    expect(await topUp(token)).toBe(200)
    expect(new Set(keys(ns)).size).toBe(outcome === 'refused' ? 2 : 1)
  })
})

test('an error of Stripe is logged with its code and request', async () => {
  const { ns, token } = await create([fails(400, 'invalid_request_error')])
  await topUp(token)
  await expect.poll(() => logged(ns)).toEqual([expect.objectContaining({ level: 'error', code: 'a_code' })])
})

const stripe = new Stripe(stripeKey)
/** Reports a refund without metadata, so that the payment must be retrieved. */
async function refund(ns: string) {
  const object = { id: 'ch_1', payment_intent: `pi_${ns}_1`, currency: 'usd', amount_refunded: 500, metadata: {} }
  const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.refunded', data: { object } })
  const signature = stripe.webhooks.generateTestHeaderString({ payload, secret: webhookSecret })
  const headers = { 'stripe-signature': signature }
  const { status, body } = await platform.request('/api/stripe/webhook', { body: payload, headers })
  return status === 200 ? 200 : `${status} ${body.code}`
}

test('a payment is retrieved by its ID', async () => {
  const { ns } = await create([])
  expect(await refund(ns)).toBe(200)
  expect(requests(ns)).toEqual([
    {
      method: 'GET',
      url: `/v1/payment_intents/pi_${ns}_1`,
      headers: expect.objectContaining({
        accept: 'application/json',
        authorization: `Bearer ${stripeKey}`,
        'stripe-version': Stripe.API_VERSION,
      }),
      body: '',
    },
  ])
  expect(keys(ns)).toEqual([undefined])
})

const retrievals: [name: string, behaviors: Behavior[], requests: number, outcome: 200 | 502][] = [
  ['a 500 that repeats', times(3, fails(500)), 3, 502],
  ['connections that close twice', times(2, 'hang up' as const), 3, 200],
  ['a payment that does not exist', [fails(404, 'invalid_request_error')], 1, 502],
  ['a body that is not JSON', [reply(200, 'OK')], 1, 502],
]
describe.concurrent('a payment is retrieved after', () => {
  test.each(retrievals)('%s', async (_name, behaviors, expected, outcome) => {
    const { ns } = await create(behaviors)
    expect(await refund(ns)).toBe(outcome === 200 ? 200 : '502 payment_provider_failed')
    expect(requests(ns)).toHaveLength(expected)
  })
})
