import { PerSQLError } from '@persql/contract'
import Stripe from 'stripe'
import type { Env } from '../env.ts'

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
export interface Payments {
  /**
   * `refused` when Stripe answered that it will not: it says so again to the same id.
   * @throws PerSQLError `payment_provider_failed` when no answer came, so that nobody knows
   */
  openCheckout(request: CheckoutRequest): Promise<Checkout | 'refused'>
  /** The event in a webhook's body. @throws PerSQLError `webhook_refused` unless Stripe signed it, lately */
  eventOf(body: string, signature: string): Promise<Stripe.Event>
  /** The metadata of a payment. @throws PerSQLError `payment_provider_failed` */
  metadataOf(paymentIntent: string): Promise<Stripe.Metadata>
}

const TIMEOUT_MS = 20_000
const known = new WeakMap<Env, Payments>()

/** @throws PerSQLError `payments_unavailable` unless both of Stripe's secrets are set */
export function paymentsOf(env: Env): Payments {
  const payments = known.get(env) ?? makePayments(env)
  known.set(env, payments)
  return payments
}

function makePayments({ STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_URL: url }: Env): Payments {
  if (!key || !secret) throw new PerSQLError('payments_unavailable')
  const stripe = new Stripe(key, {
    ...(url && addressOf(url)),
    httpClient: Stripe.createFetchHttpClient(),
    maxNetworkRetries: 2,
    timeout: TIMEOUT_MS,
    telemetry: false,
    appInfo: { name: 'PerSQL' },
  })
  const signatures = Stripe.createSubtleCryptoProvider()
  return {
    async openCheckout({ id, namespace, amountCents, expiresAtMs, baseUrl }) {
      const metadata = { namespace, topup: id }
      const back = `${baseUrl}/billing?namespace=${namespace}`
      const session = await answeredOrRefused(
        stripe.checkout.sessions.create(
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
          { idempotencyKey: id },
        ),
      )
      if (session === 'refused' || !session.url) return 'refused'
      return { sessionId: session.id, url: session.url }
    },
    async eventOf(body, signature) {
      try {
        return await stripe.webhooks.constructEventAsync(body, signature, secret, undefined, signatures)
      } catch (cause) {
        throw new PerSQLError('webhook_refused', {}, { cause })
      }
    },
    metadataOf: async (paymentIntent) => (await asked(stripe.paymentIntents.retrieve(paymentIntent))).metadata,
  }
}

/** Stripe keeps what it answered to a key, its own failures too; a connection that broke tells nothing. */
async function answeredOrRefused<T>(answer: Promise<T>): Promise<T | 'refused'> {
  try {
    return await answer
  } catch (cause) {
    const { statusCode } = Object(cause) as { statusCode?: number }
    if (statusCode === undefined || statusCode === 429 || statusCode === 409) return asked(Promise.reject(cause))
    return asked<T>(Promise.reject(cause)).catch(() => 'refused')
  }
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    const { type, code, requestId } = Object(cause) as { type?: string; code?: string; requestId?: string }
    console.error(JSON.stringify({ level: 'error', event: 'stripe_failed', type, code, requestId }))
    throw new PerSQLError('payment_provider_failed', {}, { cause })
  }
}

function addressOf(url: string): { host: string; port: string; protocol: 'http' | 'https' } {
  const { hostname, port, protocol } = new URL(url)
  const secure = protocol === 'https:'
  return { host: hostname, port: port || (secure ? '443' : '80'), protocol: secure ? 'https' : 'http' }
}
