import fc from 'fast-check'
import Stripe from 'stripe'
import { expect, test } from 'vitest'
import { encodeForm } from './form.ts'

/** Returns the form that Stripe's own library sends. */
async function encodeByStripe(params: object): Promise<string> {
  let sent = ''
  const send: typeof fetch = async (_url, init) => {
    sent = String(init?.body)
    return new Response('{}')
  }
  const stripe = new Stripe('sk_test', { httpClient: Stripe.createFetchHttpClient(send), telemetry: false })
  await stripe.rawRequest('POST', '/v1/checkout/sessions', params)
  return sent
}

test('members, items, null, missing values and reserved characters', () => {
  const params = { a: { b: [{ c: 1 }, { c: false }] }, d: null, e: undefined, f: "it's [50%] (a+b)* & ü!", g: [] }
  expect(encodeForm(params)).toBe(
    'a[b][0][c]=1&a[b][1][c]=false&d=&f=it%27s%20[50%25]%20%28a%2Bb%29%2A%20%26%20%C3%BC%21',
  )
})

test('any parameters are encoded as by Stripe', async () => {
  // Copying an object loses the key `__proto__`.
  const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !(text in Object.prototype))
  const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined))
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  }))
  const params = fc.dictionary(name, value, { maxKeys: 4 })
  await fc.assert(
    fc.asyncProperty(params, async (params) => {
      expect(encodeForm(params)).toBe(await encodeByStripe(params))
    }),
  )
})
