import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { StripeDouble } from '../stripe-double.ts'

let platform: TestPlatform
let stripe: StripeDouble
beforeAll(async () => {
  stripe = await new StripeDouble().start()
  platform = await startPlatform({ environment: stripe.environment })
})
afterAll(async () => {
  await platform.stop()
  stripe.stop()
  expect(stripe.complaints).toEqual([])
})

let ns: string
let token: string
let number = 0
/** A namespace of its own for each test, named with letters alone, as the double's payments are. */
beforeEach(async () => {
  ns = `ns${[...String(number++)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}`
  token = (await platform.createNamespace(ns)).token
})

const topUp = (amountUsd: unknown, headers: Record<string, string> = {}) =>
  platform.request('/v1/billing/topup', { token, body: { amountUsd }, headers })
const billing = async () => (await platform.request('/v1/billing', { token })).body.data
const balance = async () => (await billing()).balanceUsd
const operator = (body: object) =>
  platform.request(`/api/operator/namespaces/${ns}/credit`, { token: platform.secret, body })
const deliver = ({ body, headers }: { body: string; headers: Record<string, string> }) =>
  platform.request('/api/stripe/webhook', { body, headers })

/** The session of a top-up as Stripe reports it. */
function session(id: string, changes: object = {}) {
  const { form } = stripe.session(id)
  return {
    id,
    object: 'checkout.session',
    mode: 'payment',
    payment_status: 'paid',
    currency: 'usd',
    amount_total: Number(form.get('line_items[0][price_data][unit_amount]')),
    payment_intent: `pi_${ns}_${id}`,
    metadata: { namespace: form.get('metadata[namespace]'), topup: form.get('metadata[topup]') },
    ...changes,
  }
}
const paid = (id: string, changes: object = {}) => stripe.event('checkout.session.completed', session(id, changes))
const charge = (payment: string, refundedCents: number, metadata: object = {}) =>
  stripe.event('charge.refunded', {
    id: 'ch_1',
    payment_intent: payment,
    currency: 'usd',
    amount_refunded: refundedCents,
    metadata,
  })
const dispute = (type: string, status: string, payment: string, cents: number) =>
  stripe.event(`charge.dispute.${type}`, {
    id: `dp_${ns}`,
    payment_intent: payment,
    currency: 'usd',
    amount: cents,
    status,
  })
const refund = (type: string, id: string, payment: string, cents: number, status: string) =>
  stripe.event(type, { id, object: 'refund', payment_intent: payment, currency: 'usd', amount: cents, status })
/** Returns the log lines about events for a missing namespace. */
const logged = (namespace: string) =>
  platform.stderr
    .filter((line) => line.includes('payment_for_unknown_namespace'))
    .map((line) => JSON.parse(line))
    .find((line) => line.namespace === namespace)
const open = async (amountUsd: number): Promise<string> => (await topUp(amountUsd)).body.data.sessionId
const ok = [200, undefined]
const outcome = async (answer: Promise<{ status: number; body: { code?: string } }>) => {
  const { status, body } = await answer
  return [status, body.code]
}

test('a top-up opens a payment page, and the payment is in the ledger with the webhook', async () => {
  const { status, body } = await topUp(25)
  expect(status).toBe(200)
  expect(body.data).toEqual({
    url: expect.stringMatching(/^https:\/\/checkout\.stripe\.test\/cs_/),
    sessionId: expect.stringMatching(/^cs_/),
    amountUsd: 25,
    expiresAt: expect.stringMatching(/Z$/),
  })
  expect(await balance()).toBe(5)
  expect(await outcome(deliver(paid(body.data.sessionId)))).toEqual(ok)
  expect(await balance()).toBe(30)
  expect((await billing()).ledger[0]).toMatchObject({
    kind: 'topup',
    amountUsd: 25,
    ref: `stripe:pi_${ns}_${body.data.sessionId}`,
    detail: { topup: expect.stringMatching(/^topup_/) },
  })
})

test.each([5, 5.1, 8.29, 19.99, 10_000])('$%d is taken to the cent', async (amountUsd) => {
  const id = await open(amountUsd)
  await deliver(paid(id))
  expect((await billing()).ledger[0].amountUsd).toBe(amountUsd)
})

test.each([4.99, 0, -5, 5.001, 10_000.01, '25', null])('%j is refused', async (amountUsd) => {
  expect(await outcome(topUp(amountUsd))).toEqual([400, 'invalid_input'])
})

test('asked again, a top-up is the same page: by amount while it is open, and by key', async () => {
  const first = (await topUp(10)).body.data
  expect((await topUp(10)).body.data).toEqual(first)
  expect((await topUp(11)).body.data.sessionId).not.toBe(first.sessionId)
  const keyed = (await topUp(10, { 'Idempotency-Key': 'k' })).body.data
  expect(keyed).toEqual(first)
  expect((await topUp(10, { 'Idempotency-Key': 'k' })).body.data).toEqual(keyed)
  expect(await outcome(topUp(12, { 'Idempotency-Key': 'k' }))).toEqual([422, 'idempotency_mismatch'])
  await deliver(paid(first.sessionId))
  const next = (await topUp(10)).body.data
  expect(next.sessionId).not.toBe(first.sessionId)
  // Who repeats a request learns what came of that one.
  expect((await topUp(10, { 'Idempotency-Key': 'k' })).body.data).toEqual(first)
  const ended = stripe.event('checkout.session.expired', session(next.sessionId, { payment_status: 'unpaid' }))
  expect(await outcome(deliver(ended))).toEqual(ok)
  expect((await topUp(10)).body.data.sessionId).not.toBe(next.sessionId)
})

test('concurrent requests get the same payment page', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => topUp(33)))
  expect(new Set(answers.map(({ body }) => body.data.sessionId)).size).toBe(1)
})

test('a webhook delivered 50 times concurrently, and again later, credits once', async () => {
  const id = await open(20)
  const events = Array.from({ length: 50 }, (_, i) =>
    i % 2 ? paid(id) : stripe.event('checkout.session.async_payment_succeeded', session(id)),
  )
  const answers = await Promise.all(events.map((event) => outcome(deliver(event))))
  expect(answers).toEqual(Array(50).fill(ok))
  expect(await outcome(deliver(paid(id)))).toEqual(ok)
  expect(await balance()).toBe(25)
})

test('an unpaid session waits for its payment, with events in any order', async () => {
  const id = await open(20)
  await deliver(paid(id, { payment_status: 'unpaid' }))
  expect(await balance()).toBe(5)
  await deliver(stripe.event('checkout.session.async_payment_failed', session(id, { payment_status: 'unpaid' })))
  expect(await balance()).toBe(5)
  const other = await open(20)
  await deliver(stripe.event('checkout.session.async_payment_succeeded', session(other)))
  await deliver(paid(other, { payment_status: 'unpaid' }))
  await deliver(stripe.event('checkout.session.async_payment_failed', session(other, { payment_status: 'unpaid' })))
  expect(await balance()).toBe(25)
})

test('what is not signed, signed by another, changed on the way or too old is refused', async () => {
  const id = await open(20)
  const good = paid(id)
  const refused = [400, 'webhook_refused']
  expect(await outcome(deliver({ ...good, headers: {} }))).toEqual(refused)
  expect(await outcome(deliver({ ...good, headers: { 'stripe-signature': 't=1,v1=00' } }))).toEqual(refused)
  expect(await outcome(deliver({ ...good, body: good.body.replace('2000', '9000') }))).toEqual(refused)
  expect(await outcome(deliver(stripe.event('checkout.session.completed', session(id), 600)))).toEqual(refused)
  expect(await balance()).toBe(5)
  expect(await outcome(deliver(good))).toEqual(ok)
  expect(await balance()).toBe(25)
})

test('a payment for an unknown namespace is acknowledged and logged', async () => {
  const id = await open(20)
  const { metadata } = session(id)
  for (const namespace of ['nobody', '../etc', 'N'.repeat(500)]) {
    expect(await outcome(deliver(paid(id, { metadata: { ...metadata, namespace } })))).toEqual(ok)
    expect(logged(namespace)).toMatchObject({ type: 'checkout.session.completed', object: id })
  }
  expect(await outcome(deliver(paid(id, { currency: 'eur' })))).toEqual([400, 'payment_not_understood'])
  // Pages and events of other integrations.
  expect(await outcome(deliver(paid(id, { metadata: {} })))).toEqual(ok)
  expect(await outcome(deliver(stripe.event('customer.created', { id: 'cus_1' })))).toEqual(ok)
  expect(await balance()).toBe(5)
})

test('all events about a deleted namespace are acknowledged and logged', async () => {
  const owner = await platform.signUp('leaving@example.com')
  const slug = (await owner.request('/api/namespaces')).body.data[0].slug as string
  const opened = await owner.request(`/api/namespaces/${slug}/billing/topup`, { body: { amountUsd: 20 } })
  const id = opened.body.data.sessionId as string
  expect(await outcome(deliver(paid(id)))).toEqual(ok)
  expect((await owner.request(`/api/namespaces/${slug}`, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  const payment = `pi_${slug}_x`
  const events = [
    paid(id),
    stripe.event('checkout.session.expired', session(id, { payment_status: 'unpaid' })),
    charge(payment, 500, session(id).metadata),
    refund('refund.failed', 're_deleted', payment, 500, 'failed'),
    dispute('created', 'needs_response', payment, 500),
  ]
  for (const event of events) {
    platform.stderr.length = 0
    expect(await outcome(deliver(event))).toEqual(ok)
    expect(logged(slug)).toMatchObject({ level: 'error', type: JSON.parse(event.body).type })
  }
})

describe('a refund that fails is credited back, once', () => {
  type Deliveries = [name: string, deliveries: (payment: string) => ReturnType<typeof charge>[], refundedUsd: number]
  const failed = (payment: string, id = 're_1', cents = 1_000) => refund('refund.failed', id, payment, cents, 'failed')
  const cases: Deliveries[] = [
    ['after the refund', (p) => [charge(p, 1_000), failed(p)], 0],
    ['before the refund', (p) => [failed(p), charge(p, 1_000)], 0],
    ['without a word of the refund', (p) => [failed(p)], 0],
    ['many times', (p) => [charge(p, 1_000), failed(p), failed(p), failed(p), charge(p, 1_000)], 0],
    [
      'by all its events',
      (p) => [
        refund('refund.created', 're_1', p, 1_000, 'pending'),
        charge(p, 1_000),
        refund('charge.refund.updated', 're_1', p, 1_000, 'failed'),
        refund('refund.updated', 're_1', p, 1_000, 'failed'),
        failed(p),
      ],
      0,
    ],
    [
      'by all its events, backwards',
      (p) => [
        failed(p),
        refund('refund.updated', 're_1', p, 1_000, 'failed'),
        charge(p, 1_000),
        refund('refund.created', 're_1', p, 1_000, 'pending'),
        refund('refund.updated', 're_1', p, 1_000, 'pending'),
      ],
      0,
    ],
    ['when it was canceled', (p) => [charge(p, 1_000), refund('refund.updated', 're_1', p, 1_000, 'canceled')], 0],
    [
      'and the next one counts',
      (p) => [
        refund('refund.created', 're_1', p, 1_000, 'pending'),
        charge(p, 1_000),
        failed(p),
        refund('refund.created', 're_2', p, 1_000, 'succeeded'),
        charge(p, 1_000),
      ],
      10,
    ],
    ['and another stays', (p) => [charge(p, 500), charge(p, 1_500), failed(p)], 5],
    ['and another stays, in another order', (p) => [failed(p), charge(p, 1_500), charge(p, 500)], 5],
    ['both of two', (p) => [charge(p, 700), failed(p, 're_1', 300), failed(p, 're_2', 400)], 0],
    [
      'none that goes well',
      (p) => [
        refund('refund.updated', 're_1', p, 1_000, 'succeeded'),
        refund('refund.created', 're_1', p, 1_000, 'pending'),
        charge(p, 1_000),
        refund('charge.refund.updated', 're_1', p, 1_000, 'succeeded'),
      ],
      10,
    ],
  ]
  test.each(cases)('%s', async (_name, deliveries, refundedUsd) => {
    const id = await open(20)
    await deliver(paid(id))
    for (const event of deliveries(`pi_${ns}_${id}`)) expect(await outcome(deliver(event))).toEqual(ok)
    const { balanceUsd, ledger } = await billing()
    expect(balanceUsd).toBe(25 - refundedUsd)
    const refs = ledger.map(({ ref }: { ref: string }) => ref)
    expect(new Set(refs).size).toBe(refs.length)
  })

  test('even with all its events at the same time, and with an entry in the audit log', async () => {
    const id = await open(20)
    const payment = `pi_${ns}_${id}`
    const events = [paid(id), charge(payment, 1_000), failed(payment), failed(payment), charge(payment, 1_000)]
    await Promise.all([...events, ...events].map((event) => deliver(event)))
    const { balanceUsd, ledger } = await billing()
    expect(balanceUsd).toBe(25)
    expect(ledger).toContainEqual(
      expect.objectContaining({
        kind: 'refund',
        amountUsd: 10,
        ref: 'stripe:re_1:failed',
        detail: { payment, refund: 're_1', outcome: 'failed' },
      }),
    )
    expect(ledger.filter(({ kind }: { kind: string }) => kind === 'refund')).toHaveLength(2)
  })
})

test('refunds deduct their total, in any order', async () => {
  const id = await open(20)
  const payment = `pi_${ns}_${id}`
  // The refund overtakes the payment, without the metadata that names the namespace: Stripe is asked.
  await deliver(charge(payment, 1_500))
  expect(await balance()).toBe(-10)
  await deliver(paid(id))
  expect(await balance()).toBe(10)
  await deliver(charge(payment, 500, session(id).metadata))
  await deliver(charge(payment, 1_500))
  expect(await balance()).toBe(10)
  await deliver(charge(payment, 2_000, session(id).metadata))
  expect(await balance()).toBe(5)
})

test('a dispute takes the money, below zero if need be, and gives it back when it is won', async () => {
  const id = await open(50)
  const payment = `pi_${ns}_${id}`
  await deliver(paid(id))
  await operator({ amountUsd: -54, note: 'spent' })
  const { db } = await platform.createNamespace(ns)
  expect((await db().query('SELECT 1')).status).toBe(200)
  await deliver(dispute('created', 'warning_needs_response', payment, 5_000))
  expect(await balance()).toBeGreaterThan(0)
  const created = dispute('created', 'needs_response', payment, 5_000)
  await Promise.all([deliver(created), deliver(created)])
  expect(await balance()).toBeLessThan(-48)
  expect(await outcome(db().query('SELECT 1'))).toEqual([402, 'insufficient_balance'])
  await deliver(dispute('closed', 'lost', payment, 5_000))
  expect(await balance()).toBeLessThan(-48)
  await deliver(dispute('closed', 'won', payment, 5_000))
  await expect.poll(async () => (await db().query('SELECT 1')).status).toBe(200)
})

test.each([
  ['lost', 5],
  ['won', 30],
])('an inquiry that becomes a dispute which is %s takes and gives what Stripe does', async (end, left) => {
  const id = await open(25)
  const payment = `pi_${ns}_${id}`
  await deliver(paid(id))
  await deliver(dispute('created', 'warning_needs_response', payment, 2_500))
  expect(await balance()).toBe(30)
  await deliver(dispute('funds_withdrawn', 'needs_response', payment, 2_500))
  expect(await balance()).toBe(5)
  await deliver(dispute('closed', end, payment, 2_500))
  if (end === 'won') await deliver(dispute('funds_reinstated', end, payment, 2_500))
  expect(await balance()).toBe(left)
})

test('a dispute of which only the end is heard moves what it moved in all', async () => {
  const id = await open(25)
  const payment = `pi_${ns}_${id}`
  await deliver(paid(id))
  await deliver(dispute('closed', 'won', payment, 2_500))
  await deliver(dispute('created', 'needs_response', payment, 2_500))
  expect(await balance()).toBe(30)
})

test('a page whose payment is on its way is not handed out again', async () => {
  const id = await open(25)
  await deliver(paid(id, { payment_status: 'unpaid' }))
  expect(await open(25)).not.toBe(id)
  await deliver(stripe.event('checkout.session.async_payment_succeeded', session(id)))
  expect(await balance()).toBe(30)
})

test('a retry after a lost response returns the same page, also under another URL of the instance', async () => {
  stripe.mood = 'hang up'
  await topUp(80)
  stripe.mood = 'well'
  const pages = stripe.sessions.size
  const { port } = new URL(platform.url)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const again = await fetch(`http://localhost:${port}/v1/billing/topup`, {
    method: 'POST',
    headers,
    body: '{"amountUsd":80}',
  })
  expect(again.status).toBe(200)
  expect(stripe.sessions.size).toBe(pages)
})

test('with an empty balance, a top-up still works, and its payment resumes service immediately', async () => {
  const { db } = await platform.createNamespace(ns)
  await operator({ amountUsd: -5, note: 'spent' })
  expect((await db().query('SELECT 1')).status).toBe(402)
  const id = await open(5)
  await deliver(paid(id))
  await expect.poll(async () => (await db().query('SELECT 1')).status).toBe(200)
})

test('when Stripe fails or hangs up, the next attempt leads to one page', async () => {
  stripe.mood = 'fail'
  expect(await outcome(topUp(60))).toEqual([502, 'payment_provider_failed'])
  stripe.mood = 'hang up'
  expect(await outcome(topUp(60))).toEqual([502, 'payment_provider_failed'])
  stripe.mood = 'well'
  const before = stripe.sessions.size
  const id = await open(60)
  // Stripe returns the session that it created before the connection failed.
  expect(stripe.sessions.size).toBe(before)
  await deliver(paid(id))
  expect(await balance()).toBe(65)
})

test('a crash before, while or after Stripe is asked, or before the webhook is answered, leaves the money right', async () => {
  // Reserved, but Stripe was never reached.
  stripe.mood = 'fail'
  await topUp(70)
  await platform.kill()
  await platform.restart()
  // Stripe made the page, but its answer was lost with the process.
  stripe.mood = 'hang up'
  const lost = topUp(70).catch(() => {})
  await expect
    .poll(() => [...stripe.sessions.values()].some(({ form }) => form.get('metadata[namespace]') === ns))
    .toBe(true)
  await platform.kill()
  await lost
  await platform.restart()
  stripe.mood = 'well'
  const pages = stripe.sessions.size
  const id = await open(70)
  expect(stripe.sessions.size).toBe(pages)
  // Recorded.
  await platform.kill()
  await platform.restart()
  expect(await open(70)).toBe(id)
  // The webhook is cut off again and again, wherever it is.
  for (let delayMs = 0; delayMs < 12; delayMs += 2) {
    const cut = deliver(paid(id)).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await platform.kill()
    await cut
    await platform.restart()
  }
  expect(await outcome(deliver(paid(id)))).toEqual(ok)
  expect(await balance()).toBe(75)
  expect((await billing()).ledger.filter(({ kind }: { kind: string }) => kind === 'topup')).toHaveLength(1)
})

test('owners top up in the console, and everyone learns what to set where no payments are set up', async () => {
  const owner = await platform.signUp(`${ns}@example.com`)
  const { data } = (await owner.request('/api/namespaces')).body
  const answer = await owner.request(`/api/namespaces/${data[0].slug}/billing/topup`, { body: { amountUsd: 25 } })
  expect(answer.body.data.url).toMatch(/^https:/)
  const { environment } = stripe
  const bare = await startPlatform({ environment: { STRIPE_SECRET_KEY: environment.STRIPE_SECRET_KEY } })
  try {
    const { token } = await bare.createNamespace('bare')
    const { status, body } = await bare.request('/v1/billing/topup', { token, body: { amountUsd: 25 } })
    expect([status, body.code]).toEqual([503, 'payments_unavailable'])
    expect(body.error).toContain('STRIPE_WEBHOOK_SECRET')
    expect((await bare.request('/api/stripe/webhook', { body: {} })).status).toBe(503)
  } finally {
    await bare.stop()
  }
})
