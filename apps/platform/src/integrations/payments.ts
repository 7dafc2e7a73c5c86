import { PerSQLError } from '@persql/contract'
import type Stripe from 'stripe'
import type { Env } from '../env.ts'
import { StripeClient, type StripeError } from './stripe/client.ts'
import { isSignedByStripe } from './stripe/signature.ts'

/** An open payment page. */
export interface Checkout {
  readonly sessionId: string
  readonly url: string
}

/** A request for a payment page. Requests with the same `id` return the same page. */
export interface CheckoutRequest {
  readonly id: string
  readonly namespace: string
  readonly amountCents: number
  readonly expiresAtMs: number
  /** The base URL for the redirect after payment. */
  readonly baseUrl: string
}

/** The calls to Stripe that PerSQL needs. */
export interface PaymentProvider {
  /**
   * Opens a payment page. Returns `refused` if Stripe rejected the request; it would reject a retry with the same `id`
   * too.
   * @throws PerSQLError `payment_provider_failed` without a final response, so the outcome is unknown
   */
  openCheckout(request: CheckoutRequest): Promise<Checkout | 'refused'>
  /**
   * Parses the event of a webhook. @throws PerSQLError `webhook_refused` without a valid and recent signature of Stripe
   */
  parseEvent(body: string, signature: string): Stripe.Event
  /** Fetches the metadata of a payment. @throws PerSQLError `payment_provider_failed` */
  fetchMetadata(paymentIntent: string): Promise<Stripe.Metadata>
}

const known = new WeakMap<Env, PaymentProvider>()

/** Returns the Stripe client. @throws PerSQLError `payments_unavailable` unless both of Stripe's secrets are set */
export function getPaymentProvider(env: Env): PaymentProvider {
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
            // Charges inherit this metadata from the payment intent, and their refunds with them.
            payment_intent_data: { metadata },
            // With a conversion to another currency, the paid amount could differ from the requested one.
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
    parseEvent(body, signature) {
      try {
        if (!isSignedByStripe(body, signature, secret, Date.now())) throw new Error('No valid signature of Stripe.')
        const event = JSON.parse(body) as Stripe.Event
        // Events of Stripe's API v2 are a different object, without the fields that PerSQL reads.
        if (event.object !== 'event') throw new Error(`Not an event: ${event.object}`)
        return event
      } catch (cause) {
        throw new PerSQLError('webhook_refused', {}, { cause })
      }
    },
    fetchMetadata: async (paymentIntent) => (await asked(stripe.retrievePaymentIntent(paymentIntent))).metadata,
  }
}

/**
 * Returns `refused` for a final rejection. Stripe stores its response per idempotency key, including its own failures.
 * After a connection error, the outcome is unknown.
 */
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
