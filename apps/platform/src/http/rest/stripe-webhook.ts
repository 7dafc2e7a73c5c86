import { isSlug, PerSQLError } from '@persql/contract'
import type Stripe from 'stripe'
import { assertRoomForRoute } from '../../api/disk-rules.ts'
import { directoryObject, namespaceObject } from '../../api/objects.ts'
import type { Env } from '../../env.ts'
import { getPaymentProvider, type PaymentProvider } from '../../integrations/payments.ts'
import { getSettings } from '../../settings.ts'
import { readBody } from './body.ts'

const MAX_BODY = 1024 * 1024
const NANO_PER_CENT = 10_000_000

/**
 * Handles an event from Stripe. Stripe delivers events at least once and in any order, so each one is recorded under a
 * unique reference, and acknowledged only after that.
 * @throws PerSQLError; Stripe then redelivers the event
 */
export async function handleStripeWebhook(request: Request, env: Env): Promise<void> {
  assertRoomForRoute('POST /api/stripe/webhook')
  const payments = getPaymentProvider(env)
  const body = await readBody(request, MAX_BODY, getSettings(env))
  const event = payments.parseEvent(body, request.headers.get('Stripe-Signature') ?? '')
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded':
      return creditSession(event.data.object, event, env)
    case 'checkout.session.async_payment_failed':
      return endSession(event.data.object, 'failed', event, env)
    case 'checkout.session.expired':
      return endSession(event.data.object, 'expired', event, env)
    case 'charge.refunded': {
      const { payment_intent, metadata, amount_refunded, currency } = event.data.object
      const payment = await findPayment(payment_intent, metadata, currency, payments)
      const namespace = payment && (await findNamespace(payment.namespace, event, env))
      if (namespace) await namespace.payments.refund(payment.id, amount_refunded * NANO_PER_CENT)
      return
    }
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
    case 'charge.refund.updated': {
      const { id, payment_intent, amount, currency, status } = event.data.object
      const payment = await findPayment(payment_intent, {}, currency, payments)
      const namespace = payment && (await findNamespace(payment.namespace, event, env))
      const failed = event.type === 'refund.failed' || status === 'failed' || status === 'canceled'
      if (namespace) await namespace.payments.refundPart(payment.id, { id, amountNano: amount * NANO_PER_CENT, failed })
      return
    }
    case 'charge.dispute.created':
    case 'charge.dispute.closed':
    case 'charge.dispute.funds_withdrawn':
    case 'charge.dispute.funds_reinstated':
      return dispute(event.data.object, event, env, payments)
  }
}

async function creditSession(session: Stripe.Checkout.Session, event: Stripe.Event, env: Env): Promise<void> {
  const { namespace: slug, topup } = session.metadata ?? {}
  // The payment page belongs to another app of the same Stripe account.
  if (!slug || !topup) return
  // With delayed payment methods, the money arrives later and has its own event. The payment page can't be used again.
  if (session.payment_status !== 'paid') return endSession(session, 'expired', event, env)
  const paymentIntent = getId(session.payment_intent)
  if (!paymentIntent || session.currency !== 'usd' || !session.amount_total) {
    throw new PerSQLError('payment_not_understood', { what: `checkout session ${session.id}` })
  }
  const namespace = await findNamespace(slug, event, env)
  await namespace?.payments.payTopUp(topup, session.amount_total * NANO_PER_CENT, paymentIntent)
}

async function endSession(
  session: Stripe.Checkout.Session,
  status: 'failed' | 'expired',
  event: Stripe.Event,
  env: Env,
): Promise<void> {
  const { namespace: slug, topup } = session.metadata ?? {}
  const namespace = slug && topup && (await findNamespace(slug, event, env))
  if (namespace) await namespace.payments.endTopUp(topup, status)
}

/**
 * Records a dispute: an open dispute debits the amount, a won dispute returns it. An inquiry changes nothing until it
 * becomes a dispute.
 */
async function dispute(
  dispute: Stripe.Dispute,
  event: Stripe.Event,
  env: Env,
  payments: PaymentProvider,
): Promise<void> {
  if (dispute.status.startsWith('warning_')) return
  const payment = await findPayment(dispute.payment_intent, {}, dispute.currency, payments)
  if (!payment) return
  const namespace = await findNamespace(payment.namespace, event, env)
  await namespace?.payments.dispute(
    dispute.id,
    dispute.amount * NANO_PER_CENT,
    dispute.status === 'won' ? 'won' : 'opened',
  )
}

/** Returns the payment of a charge or dispute, or `undefined` if it isn't for a namespace of this instance. */
async function findPayment(
  paymentIntent: string | Stripe.PaymentIntent | null,
  metadata: Stripe.Metadata,
  currency: string,
  payments: PaymentProvider,
): Promise<{ id: string; namespace: string } | undefined> {
  const id = getId(paymentIntent)
  if (!id) return undefined
  const { namespace, topup } = metadata.topup ? metadata : await payments.fetchMetadata(id)
  if (!namespace || !topup) return undefined
  if (currency !== 'usd') throw new PerSQLError('payment_not_understood', { what: `payment ${id}` })
  return { id, namespace }
}

/**
 * Returns the namespace, or `undefined` if it doesn't exist or was deleted. The event is acknowledged in this case too:
 * Stripe would otherwise retry for days and then disable the webhook for all namespaces. The log has the details for
 * the operator.
 */
async function findNamespace(slug: string, { id, type, data }: Stripe.Event, env: Env) {
  if (isSlug(slug) && (await directoryObject(env).has(slug))) return namespaceObject(env, slug)
  const object = (data.object as { id?: string }).id
  const fields = { event: 'payment_for_unknown_namespace', namespace: slug, stripeEvent: id, type, object }
  console.error(JSON.stringify({ level: 'error', ...fields }))
  return undefined
}

const getId = (reference: string | { id: string } | null) => (typeof reference === 'string' ? reference : reference?.id)
