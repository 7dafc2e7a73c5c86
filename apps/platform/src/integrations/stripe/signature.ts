import { createHmac, timingSafeEqual } from 'node:crypto'

/** The limit of Stripe's own libraries. An intercepted event can't be delivered again after it. */
const MAX_AGE_S = 300

/**
 * Returns whether the header `Stripe-Signature` shows that Stripe signed this body with this secret in the last 5 minutes.
 * One of several `v1` signatures is enough: while a secret is being replaced, Stripe sends one for each.
 */
export function isSignedByStripe(body: string, header: string, secret: string, nowMs: number): boolean {
  if (secret.trim() === '') return false
  const fields = header.split(',').map((field) => field.split('='))
  const valuesOf = (name: string) => fields.filter(([key]) => key === name).map(([, value = '']) => value)
  const timestamp = valuesOf('t').at(-1) ?? ''
  if (!/^\d{1,15}$/.test(timestamp)) return false
  if (Math.floor(nowMs / 1000) - Number(timestamp) > MAX_AGE_S) return false
  const expected = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
  // Comparing every signature keeps the time independent of which one is right.
  return valuesOf('v1').filter((signature) => isEqual(signature, expected)).length > 0
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array]
  return left.byteLength === right.byteLength && timingSafeEqual(left, right)
}
