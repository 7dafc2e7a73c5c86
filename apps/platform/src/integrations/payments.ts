import { PerSQLError } from '@persql/contract'
import type Stripe from 'stripe'
import type { Env } from '../env.ts'
import { StripeClient, type StripeError } from './stripe/client.ts'
import { isSignedByStripe } from './stripe/signature.ts'

/** A payment page that is open. */
export interface Checkout {
  readonly sessionId: string
  readonly url: string
}

/** What is asked of a payment page. The same `id` leads to the same page, however often it is asked for. */
export interface CheckoutRequest {
  readonly id: string
  readonly namespace: string
  readonly amountCents: number
  readonly expiresAtMs: number
  /** Where the payer is sent afterwards. */
  readonly baseUrl: string
}

/** What PerSQL asks of Stripe. */
export interface PaymentProvider {
  /**
   * `refused` when Stripe answered that it will not: it says so again to the same id.
   * @throws PerSQLError `payment_provider_failed` when no answer came, so that nobody knows
   */
  openCheckout(request: CheckoutRequest): Promise<Checkout | 'refused'>
  /** The event in a webhook's body. @throws PerSQLError `webhook_refused` unless Stripe signed it, lately */
  eventOf(body: string, signature: string): Stripe.Event
  /** The metadata of a payment. @throws PerSQLError `payment_provider_failed` */
  metadataOf(paymentIntent: string): Promise<Stripe.Metadata>
}

const known = new WeakMap<Env, PaymentProvider>()

/** @throws PerSQLError `payments_unavailable` unless both of Stripe's secrets are set */
export function paymentsOf(env: Env): PaymentProvider {
  const payments = known.get(env) ?? makePayments(env)
  known.set(env, payments)
  return payments
}

function makePayments({
  STRIPE_SECRET_KEY: key,
  STRIPE_WEBHOOK_SECRET: secret,
  STRIPE_API_URL: url,
}: Env): PaymentProvider {
  if (!key || !secret) throw new PerSQLError('payments_unavailable')
  const stripe = new StripeClient(key, url)
  return {
    async openCheckout({ id, namespace, amountCents, expiresAtMs, baseUrl }) {
      const metadata = { namespace, topup: id }
      const back = `${baseUrl}/billing?namespace=${namespace}`
      const session = await answeredOrRefused(
        stripe.createCheckoutSession(
          {
            mode: 'payment',
            line_items: [
              {
                quantity: 1,
                price_data: {
                  currency: 'usd',
                  unit_amount: amountCents,
                  product_data: { name: `PerSQL balance of ${namespace}` },
                },
              },
            ],
            client_reference_id: namespace,
            metadata,
            // A charge, and with it a refund, carries what its payment intent does.
            payment_intent_data: { metadata },
            // What is paid in another currency is not what was asked for, to the cent.
            adaptive_pricing: { enabled: false },
            expires_at: Math.floor(expiresAtMs / 1000),
            success_url: `${back}&paid=${id}`,
            cancel_url: back,
          },
          id,
        ),
      )
      if (session === 'refused' || !session.url) return 'refused'
      return { sessionId: session.id, url: session.url }
    },
    eventOf(body, signature) {
      try {
        if (!isSignedByStripe(body, signature, secret, Date.now())) throw new Error('No valid signature of Stripe.')
        const event = JSON.parse(body) as Stripe.Event
        // Events of Stripe's API v2 are another object, without the fields that are read here.
        if (event.object !== 'event') throw new Error(`Not an event: ${event.object}`)
        return event
      } catch (cause) {
        throw new PerSQLError('webhook_refused', {}, { cause })
      }
    },
    metadataOf: async (paymentIntent) => (await asked(stripe.retrievePaymentIntent(paymentIntent))).metadata,
  }
}

/** Stripe keeps what it answered to a key, its own failures too; a connection that broke tells nothing. */
async function answeredOrRefused<T>(answer: Promise<T>): Promise<T | 'refused'> {
  try {
    return await answer
  } catch (cause) {
    const { status } = Object(cause) as Partial<StripeError>
    if (status === undefined || status === 429 || status === 409) return asked(Promise.reject(cause))
    return asked<T>(Promise.reject(cause)).catch(() => 'refused')
  }
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    const { type, code, requestId } = Object(cause) as Partial<StripeError>
    console.error(JSON.stringify({ level: 'error', event: 'stripe_failed', type, code, requestId }))
    throw new PerSQLError('payment_provider_failed', {}, { cause })
  }
}
