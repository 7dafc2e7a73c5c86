import { createHmac, timingSafeEqual } from 'node:crypto'

/** The tolerance of Stripe's own libraries. After it, an intercepted event can't be replayed. */
const MAX_AGE_S = 300

/**
 * Returns whether `Stripe-Signature` proves that Stripe signed this body with this secret in the last 5 minutes. One of
 * several `v1` signatures is enough: during a rotation of the secret, Stripe sends one for each.
 */
export function isSignedByStripe(body: string, header: string, secret: string, nowMs: number): boolean {
  if (secret.trim() === '') return false
  const fields = header.split(',').map((field) => field.split('='))
  const listValues = (name: string) => fields.filter(([key]) => key === name).map(([, value = '']) => value)
  const timestamp = listValues('t').at(-1) ?? ''
  if (!/^\d{1,15}$/.test(timestamp)) return false
  if (Math.floor(nowMs / 1000) - Number(timestamp) > MAX_AGE_S) return false
  const expected = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
  // Compare all signatures, so that the time doesn't depend on which one matches.
  return listValues('v1').filter((signature) => isEqual(signature, expected)).length > 0
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array]
  return left.byteLength === right.byteLength && timingSafeEqual(left, right)
}
