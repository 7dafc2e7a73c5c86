import { copyFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient } from '../oauth.ts'
import { ObjectFiles, removeFile, runOnFile } from '../object-files.ts'
import { StripeDouble } from '../stripe-double.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>
let platform: TestPlatform
let stripe: StripeDouble
beforeAll(async () => {
  stripe = await new StripeDouble().start()
  platform = await startPlatform({ environment: { ...stripe.environment, PERSQL_DEV: '1' } })
})
afterAll(async () => {
  await platform.stop()
  stripe.stop()
})

let owner: Session
/** Two namespaces of the owner, with $5 of welcome credit each. */
let [a, b] = ['', '']
let number = 0
beforeEach(async () => {
  number++
  owner = await platform.signUp(`owner${number}@example.com`)
  a = `owner${number}`
  b = `b${number}`
  await owner.request('/api/namespaces', { body: { slug: b } })
})

const credit = (slug: string, amountUsd: number) =>
  platform.request(`/api/operator/namespaces/${slug}/credit`, {
    token: platform.secret,
    body: { amountUsd, note: 'paid' },
  })
const billing = async (slug: string, as = owner) => (await as.request(`/api/namespaces/${slug}/billing`)).body.data
const balance = async (slug: string): Promise<number> => (await billing(slug)).balanceUsd
const entries = async (slug: string) =>
  (await billing(slug)).ledger
    .filter(({ kind }: { kind: string }) => kind === 'transfer')
    .map(({ amountUsd, detail }: { amountUsd: number; detail: object }) => ({ amountUsd, detail }))
const transfer = (from: string, to: string, amountUsd: unknown, key?: string, as = owner) =>
  as.request(`/api/namespaces/${from}/billing/transfer`, {
    body: { to, amountUsd },
    ...(key && { headers: { 'idempotency-key': key } }),
  })
const outcome = async (answer: Promise<{ status: number; body: { code?: string } }>) => {
  const { status, body } = await answer
  return [status, body.code]
}

test('moves balance with an entry and an audit event on each side', async () => {
  await credit(a, 20)
  const { status, body } = await transfer(a, b, 12.5)
  const id = expect.stringMatching(/^transfer_[0-9a-f]{32}$/)
  expect([status, body.data]).toEqual([200, { id, to: b, amountUsd: 12.5, status: 'completed', balanceUsd: 12.5 }])
  expect([await balance(a), await balance(b)]).toEqual([12.5, 17.5])
  expect(await entries(a)).toEqual([{ amountUsd: -12.5, detail: { to: b } }])
  expect(await entries(b)).toEqual([{ amountUsd: 12.5, detail: { from: a } }])
  for (const [slug, usd, detail] of [
    [a, -12.5, { to: b }],
    [b, 12.5, { from: a }],
  ] as const) {
    const { data } = (await owner.request(`/api/namespaces/${slug}/audit?action=balance.transferred`)).body
    expect(data).toMatchObject([{ actor: `user:${owner.userId}`, target: `transfer:${body.data.id}` }])
    expect(data[0].detail).toEqual({ ...detail, usd })
  }
  expect(await outcome(transfer(b, a, 12.5))).toEqual([200, undefined])
  expect([await balance(a), await balance(b)]).toEqual([25, 5])
})

describe('the welcome credit stays', () => {
  test.each([
    ['nothing was paid', 0, 0],
    ['a payment is left', 10, 10],
    ['a small payment is left', 0.5, 0.5],
  ])('where %s', async (_, paid, transferable) => {
    if (paid > 0) await credit(a, paid)
    expect((await billing(a)).transferableUsd).toBe(transferable)
    const over = await transfer(a, b, transferable + 0.01)
    expect([over.status, over.body]).toEqual([
      409,
      {
        success: false,
        error: `Only $${transferable} can be transferred. The welcome credit and the balance that databases have reserved stay in this namespace. Nothing was moved.`,
        code: 'not_transferable',
        availableUsd: transferable,
      },
    ])
    if (paid > 0) expect(await outcome(transfer(a, b, transferable))).toEqual([200, undefined])
    expect([await balance(a), await entries(a)]).toMatchObject([5, { length: paid > 0 ? 1 : 0 }])
  })

  test('and usage takes it first', async () => {
    await credit(a, 1)
    // An object bills AI tokens only once it knows its database.
    await owner.request(`/api/namespaces/${a}/databases/main/query`, { body: { sql: 'SELECT 1' } })
    const use = async (tokens: number) => {
      const body = { namespace: a, database: 'main', tokens }
      await platform.request('/api/dev/ai-tokens', { token: platform.secret, body })
      const { balanceUsd, transferableUsd } = await billing(a)
      return [balanceUsd, transferableUsd]
    }
    expect(await use(3_000_000)).toEqual([2.9999995, 1])
    expect(await use(2_500_000)).toEqual([0.4999995, 0.4999995])
    expect(await outcome(transfer(a, b, 0.4999995))).toEqual([200, undefined])
    expect([await balance(a), await balance(b)]).toEqual([0, 5.4999995])
  })
})

describe('is refused', () => {
  test.each<[string, number, string, (slug: string) => Promise<string> | string, unknown]>([
    ['to itself', 400, 'invalid_input', () => a, 1],
    ['of nothing', 400, 'invalid_input', () => b, 0],
    ['of less than nothing', 400, 'invalid_input', () => b, -1],
    ['of less than a nano-dollar', 400, 'invalid_input', () => b, 1e-10],
    ['of text', 400, 'invalid_input', () => b, '1'],
    ['to a namespace that does not exist', 404, 'namespace_not_found', () => 'none', 1],
    [
      'to a namespace of others',
      404,
      'namespace_not_found',
      async () => {
        await platform.signUp(`other${number}@example.com`)
        return `other${number}`
      },
      1,
    ],
    [
      'to a namespace without members',
      404,
      'namespace_not_found',
      async () => {
        await platform.createNamespace(`acme${number}`)
        return `acme${number}`
      },
      1,
    ],
    [
      'to a deleted namespace',
      404,
      'namespace_not_found',
      async () => {
        await owner.request(`/api/namespaces/${b}`, { method: 'DELETE' })
        return b
      },
      1,
    ],
    [
      'to a suspended namespace',
      403,
      'namespace_suspended',
      async () => {
        await platform.request(`/api/operator/namespaces/${b}/suspend`, { token: platform.secret, body: { note: 'x' } })
        return b
      },
      1,
    ],
    [
      'from a suspended namespace',
      403,
      'namespace_suspended',
      async () => {
        await platform.request(`/api/operator/namespaces/${a}/suspend`, { token: platform.secret, body: { note: 'x' } })
        return b
      },
      1,
    ],
  ])('%s', async (_, status, code, to, amountUsd) => {
    await credit(a, 10)
    expect(await outcome(transfer(a, await to(b), amountUsd))).toEqual([status, code])
    expect([await balance(a), await entries(a)]).toEqual([15, []])
  })

  test.each(['viewer', 'editor', 'admin'])('for a member who is %s on either side', async (role) => {
    await credit(a, 10)
    const member = await platform.signUp(`${role}${number}@example.com`)
    await credit(`${role}${number}`, 10)
    const invited = await owner.request(`/api/namespaces/${a}/invitations`, { body: { email: member.email, role } })
    await member.request(`/api/invitations/${invited.body.data.link.split('/').at(-1)}/accept`, { body: {} })
    const into = await transfer(`${role}${number}`, a, 1, undefined, member)
    expect([into.status, into.body.error]).toEqual([
      403,
      `The role "${role}" isn't allowed to receive balance in "${a}", which requires the role "owner".`,
    ])
    expect(await outcome(transfer(a, `${role}${number}`, 1, undefined, member))).toEqual([403, 'role_insufficient'])
    expect([await entries(a), (await billing(`${role}${number}`, member)).balanceUsd]).toEqual([[], 15])
  })
})

describe('with a token', () => {
  const move = (token: string, to: string, amountUsd = 1) =>
    platform.request('/v1/billing/transfer', { token, body: { to, amountUsd } })
  const mint = async (body: object, as = owner) =>
    (await as.request(`/api/namespaces/${a}/tokens`, { body: { name: 'x', ...body } })).body.data
  beforeEach(() => credit(a, 10))

  test('an owner who created it acts, also through tokens that it created', async () => {
    const { token } = await mint({})
    const { data } = (await platform.request('/v1/tokens', { token, body: { name: 'child' } })).body
    expect(await outcome(move(token, b))).toEqual([200, undefined])
    expect(await outcome(move(data.token, b))).toEqual([200, undefined])
    expect(await entries(b)).toHaveLength(2)
    expect(await outcome(move((await mint({ role: 'readwrite' })).token, b))).toEqual([403, 'role_insufficient'])
    expect(await outcome(move((await mint({ databases: ['main'] })).token, b))).toEqual([403, 'token_pinned'])
  })

  test('of an app, the owner who authorized it acts', async () => {
    const client = oauthClient(platform, owner)
    const granted = { namespace: a, resource: `${platform.url}/v1` }
    const { access } = await client.tokens({ ...granted, choice: { role: 'admin' } })
    expect(await outcome(move(access, b))).toEqual([200, undefined])
    expect(await entries(b)).toEqual([{ amountUsd: 1, detail: { from: a } }])
  })

  test('of the operator, or whose secret someone else learned, no one does', async () => {
    const { token } = await platform.createNamespace(a)
    expect(await outcome(move(token, b))).toEqual([403, 'owner_required'])
    const { id } = await mint({})
    const admin = await platform.signUp(`rotates${number}@example.com`)
    const body = { email: admin.email, role: 'admin' }
    const invited = await owner.request(`/api/namespaces/${a}/invitations`, { body })
    await admin.request(`/api/invitations/${invited.body.data.link.split('/').at(-1)}/accept`, { body: {} })
    const rotated = (await admin.request(`/api/namespaces/${a}/tokens/${id}/rotate`, { body: {} })).body.data
    expect(await outcome(move(rotated.token, b))).toEqual([403, 'owner_required'])
    expect(await outcome(move((await mint({}, admin)).token, b))).toEqual([403, 'owner_required'])
    expect(await entries(b)).toEqual([])
  })
})

describe('happens once', () => {
  test('for calls with one key, one after the other and concurrently', async () => {
    await credit(a, 10)
    const first = await transfer(a, b, 2, 'k')
    expect((await transfer(a, b, 2, 'k')).body).toEqual(first.body)
    const many = await Promise.all(Array.from({ length: 8 }, () => transfer(a, b, 3, 'other')))
    expect(new Set(many.map(({ body }) => body.data.id)).size).toBe(1)
    expect([await balance(a), await balance(b)]).toEqual([10, 10])
    expect(await outcome(transfer(a, b, 1, 'k'))).toEqual([422, 'idempotency_mismatch'])
    expect(await outcome(transfer(a, a, 2, 'k'))).toEqual([422, 'idempotency_mismatch'])
    expect(await outcome(transfer(a, b, 1, 'x'.repeat(201)))).toEqual([400, 'invalid_input'])
    await owner.request(`/api/namespaces/${b}`, { method: 'DELETE' })
    const { id, status } = first.body.data
    expect((await transfer(a, b, 2, 'k')).body.data).toMatchObject({ id, status, balanceUsd: 10 })
  })

  test('while databases spend and others transfer: nothing is lost, and no balance is spent twice', async () => {
    await platform.request(`/api/operator/namespaces/${a}/credit`, {
      token: platform.secret,
      body: { amountUsd: -4.99, note: 'x' },
    })
    await credit(a, 0.02)
    const { data } = (await owner.request(`/api/namespaces/${a}/tokens`, { body: { name: 'x' } })).body
    const db = platform.database(a, 'main', data.token)
    await db.query('CREATE TABLE t (n)')
    const spend = async () => {
      for (let i = 0; i < 40; i++) await db.query('INSERT INTO t VALUES (1)')
    }
    const move = async (from: string, to: string) => {
      for (let i = 0; i < 15; i++) await transfer(from, to, 0.001)
    }
    await Promise.all([spend(), spend(), move(a, b), move(a, b), move(b, a)])
    const usage = (await owner.request(`/api/namespaces/${a}/usage`)).body.data.costUsd
    const sum = (await balance(a)) + (await balance(b)) + usage
    expect(sum).toBeCloseTo(5.03, 9)
    expect(await balance(a)).toBeGreaterThanOrEqual(0)
    expect(await balance(b)).toBeGreaterThanOrEqual(5)
  })
})

test('a refund of a payment whose money was moved is debited where the payment was made', async () => {
  const opened = await owner.request(`/api/namespaces/${a}/billing/topup`, { body: { amountUsd: 10 } })
  const { form } = stripe.session(opened.body.data.sessionId)
  const metadata = { namespace: form.get('metadata[namespace]'), topup: form.get('metadata[topup]') }
  const deliver = ({ body, headers }: { body: string; headers: Record<string, string> }) =>
    platform.request('/api/stripe/webhook', { body, headers })
  const payment = `pi_${a}`
  await deliver(
    stripe.event('checkout.session.completed', {
      ...{ id: opened.body.data.sessionId, object: 'checkout.session', mode: 'payment', payment_status: 'paid' },
      ...{ currency: 'usd', amount_total: 1000, payment_intent: payment, metadata },
    }),
  )
  expect(await outcome(transfer(a, b, 10))).toEqual([200, undefined])
  const refunded = { id: 'ch_1', payment_intent: payment, currency: 'usd', amount_refunded: 1000, metadata }
  expect((await deliver(stripe.event('charge.refunded', refunded))).status).toBe(200)
  expect([await balance(a), await balance(b)]).toEqual([-5, 15])
  expect(await billing(a)).toMatchObject({ transferableUsd: 0 })
  const query = { body: { sql: 'SELECT 1' } }
  expect((await owner.request(`/api/namespaces/${a}/databases/main/query`, query)).status).toBe(402)
})

describe('after a crash', () => {
  /** Creates the recipient and returns its file. */
  const recipient = (slug: string) =>
    new ObjectFiles(platform.data, 'namespace').created(() => owner.request('/api/namespaces', { body: { slug } }))

  test.each([
    ['before', true],
    ['after', false],
  ])('%s the recipient has the amount, the timer delivers it once', async (_, isLost) => {
    const c = `c${number}`
    const file = await recipient(c)
    await credit(a, 10)
    await platform.kill()
    runOnFile(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
    copyFileSync(file, `${file}.copy`)
    await platform.restart()
    const { body } = await transfer(a, c, 4, 'k')
    await platform.kill()
    const { id } = body.data
    const files = new ObjectFiles(platform.data, 'namespace').list()
    const from = files.find((one) => runOnFile(one, `SELECT 1 FROM transfer WHERE id = '${id}'`).trim() === '1')
    runOnFile(from as string, "UPDATE transfer SET status = 'pending'")
    if (isLost) {
      removeFile(file)
      copyFileSync(`${file}.copy`, file)
    }
    await platform.restart()
    await expect.poll(() => balance(c)).toBe(9)
    await expect.poll(async () => (await transfer(a, c, 4, 'k')).body.data.status).toBe('completed')
    expect([await balance(a), await balance(c)]).toEqual([11, 9])
    expect([await entries(a), await entries(c)]).toMatchObject([{ length: 1 }, { length: 1 }])
  })

  test('at any moment, a call that is repeated moves the amount once', async () => {
    await credit(a, 10)
    for (let round = 0; round < 5; round++) {
      const interrupted = transfer(a, b, 1, `key ${round}`).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, round * 4))
      await platform.kill()
      await interrupted
      await platform.restart()
      expect((await transfer(a, b, 1, `key ${round}`)).body.data).toMatchObject({ status: 'completed' })
    }
    expect([await balance(a), await balance(b)]).toEqual([10, 10])
    expect([await entries(a), await entries(b)]).toMatchObject([{ length: 5 }, { length: 5 }])
  })

  test('an amount on its way to a namespace that was deleted comes back', async () => {
    await credit(a, 10)
    const { body } = await transfer(a, b, 4, 'k')
    await owner.request(`/api/namespaces/${b}`, { method: 'DELETE' })
    await platform.kill()
    const { id } = body.data
    for (const file of new ObjectFiles(platform.data, 'namespace').list()) {
      const held = runOnFile(
        file,
        `SELECT count(*) FROM ledger WHERE ref = 'transfer:${id}' AND amount_nano > 0`,
      ).trim()
      runOnFile(file, `UPDATE transfer SET status = 'pending' WHERE id = '${id}'`)
      if (held === '0') continue
      // As if the deletion came before the amount.
      runOnFile(file, 'DROP TRIGGER ledger_loses_nothing', `DELETE FROM ledger WHERE ref = 'transfer:${id}'`)
    }
    await platform.restart()
    expect((await transfer(a, b, 4, 'k')).body.data).toMatchObject({ status: 'returned', balanceUsd: 15 })
    expect(await entries(a)).toEqual([
      { amountUsd: 4, detail: { to: b, returned: true } },
      { amountUsd: -4, detail: { to: b } },
    ])
    expect((await transfer(a, b, 4, 'k')).body.data).toMatchObject({ status: 'returned', balanceUsd: 15 })
  })
})
