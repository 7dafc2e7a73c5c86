import Stripe from 'stripe'
import { expect, test } from 'vitest'
import { isSignedByStripe } from './signature.ts'

const secret = 'whsec_test'
const body = '{"id":"evt_1","object":"event","data":{"name":"Zoë"}}'
const NOW_S = 1_790_000_000
const { webhooks } = new Stripe('sk_test')
const sign = (timestamp = NOW_S, by = secret, payload = body) =>
  webhooks.generateTestHeaderString({ payload, secret: by, timestamp })
const signature = sign().split('v1=')[1]

const headers: [name: string, header: string, isSigned: boolean][] = [
  ['a signature', sign(), true],
  ['one 300 s old', sign(NOW_S - 300), true],
  ['one 301 s old', sign(NOW_S - 301), false],
  ['one from a clock that is ahead', sign(NOW_S + 600), true],
  ['one by another secret', sign(NOW_S, 'whsec_other'), false],
  ['one of another body', sign(NOW_S, secret, `${body} `), false],
  ['two, of which the second fits', `t=${NOW_S},v1=${'0'.repeat(64)},v1=${signature}`, true],
  ['two, of which the first fits', `t=${NOW_S},v1=${signature},v1=${'0'.repeat(64)}`, true],
  ['one beside one of another scheme', `t=${NOW_S},v0=${'0'.repeat(64)},v1=${signature}`, true],
  ['one of another scheme', `t=${NOW_S},v0=${signature}`, false],
  ['one with another time', `t=${NOW_S + 1},v1=${signature}`, false],
  ['one without a time', `v1=${signature}`, false],
  ['one with a time that is not a number', `t=now,v1=${signature}`, false],
  ['one in capitals', `t=${NOW_S},v1=${signature?.toUpperCase()}`, false],
  ['one that is too short', `t=${NOW_S},v1=${signature?.slice(1)}`, false],
  ['a time alone', `t=${NOW_S}`, false],
  ['an empty signature', `t=${NOW_S},v1=`, false],
  ['an empty header', '', false],
  ['another header', 'Bearer x', false],
]

test.each(headers)('%s', (_name, header, isSigned) => {
  expect(isSignedByStripe(body, header, secret, NOW_S * 1000)).toBe(isSigned)
})

test.each(headers)("%s is judged as by Stripe's library", async (_name, header, isSigned) => {
  const provider = Stripe.createSubtleCryptoProvider()
  const event = webhooks.constructEventAsync(body, header, secret, undefined, provider, NOW_S * 1000)
  expect(
    await event.then(
      () => true,
      () => false,
    ),
  ).toBe(isSigned)
})

test('nothing is signed with a blank secret', () => {
  for (const blank of ['', ' \n'])
    expect(isSignedByStripe(body, sign(NOW_S, blank || ' '), blank, NOW_S * 1000)).toBe(false)
})
