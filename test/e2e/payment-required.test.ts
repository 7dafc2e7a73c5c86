import { x402Client, x402HTTPClient } from '@x402/core/client'
import { isPaymentRequiredV1, isPaymentRequiredV2, validatePaymentRequired } from '@x402/core/schemas'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

const PUBLIC_URL = 'https://sql.example.com'
const BILLED = [
  ['POST', '/v1/db/broke/main/query', { sql: 'SELECT 1' }],
  ['POST', '/v1/db/broke/main/batch', { statements: [{ sql: 'SELECT 1' }] }],
  ['POST', '/v1/db/broke/new/query', { sql: 'SELECT 1' }],
  ['GET', '/v1/db/broke/main/tables', undefined],
  ['GET', '/v1/databases', undefined],
  ['POST', '/v1/tokens', { name: 'x', role: 'readonly' }],
] as const

let platform: TestPlatform
let token: string

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '0', PERSQL_URL: `${PUBLIC_URL}/` } })
  token = (await platform.createNamespace('broke')).token
})
afterAll(() => platform.stop())

const client = new x402HTTPClient(new x402Client())
const parse = ({ headers }: Answer, body?: unknown) =>
  validatePaymentRequired(client.getPaymentRequiredResponse((name) => headers.get(name), body))

test.each(BILLED)(
  '%s %s without credit makes the same offer to x402 clients of version 1 and 2',
  async (method, path, body) => {
    const answer = await platform.request(path, { method, token, body })
    expect(answer.status).toBe(402)
    expect(answer.body).toMatchObject({ success: false, error: 'Insufficient balance', code: 'insufficient_balance' })

    const url = `${PUBLIC_URL}/v1/billing/topup`
    const second = parse(answer)
    expect(isPaymentRequiredV2(second)).toBe(true)
    expect(second).toMatchObject({ resource: { url }, accepts: [{ amount: '2500', payTo: url }] })

    // A client of version 1 knows no such header and reads the body.
    const first = parse({ ...answer, headers: new Headers() }, answer.body)
    expect(isPaymentRequiredV1(first)).toBe(true)
    expect(first).toMatchObject({ accepts: [{ resource: url, maxAmountRequired: '2500', payTo: url }] })
  },
)

test('no wallet pays automatically: the offer is in dollars on a payment page', async () => {
  const answer = await platform.request('/v1/databases', { token })
  const offer = client.getPaymentRequiredResponse((name) => answer.headers.get(name))
  const wallet = new x402Client().register('eip155:8453', {
    scheme: 'exact',
    createPaymentPayload: () => Promise.reject(new Error('The wallet was opened.')),
  })
  await expect(wallet.createPaymentPayload(offer)).rejects.toThrow('network/scheme')
  expect((await platform.request('/v1/billing/topup', { token, body: { amountUsd: 25 } })).status).not.toBe(402)
})

test('other answers carry no offer', async () => {
  const billing = await platform.request('/v1/billing', { token })
  const refused = await platform.request('/v1/databases', { token: 'psql_live_broke_x' })
  for (const { status, headers, body } of [billing, refused]) {
    expect([200, 401]).toContain(status)
    expect(headers.get('payment-required')).toBe(null)
    expect(body).not.toHaveProperty('x402Version')
  }
})
