import type Stripe from 'stripe'
import { encodeForm } from './form.ts'

/** The API version that the types of the package `stripe` describe. */
const API_VERSION: typeof Stripe.API_VERSION = '2026-10-28.endive'
const STRIPE_ORIGIN = 'https://api.stripe.com'
const TIMEOUT_MS = 20_000
const RETRIES = 2
const RETRY_DELAY_MS = 500

/** An error response from Stripe, or a request without a usable response, in which case `status` is missing. */
export class StripeError extends Error {
  /**
   * Stripe's error type, `connection_error` without a response, or `invalid_response` for a response that isn't JSON.
   */
  readonly type: string
  readonly status: number | undefined
  readonly code: string | undefined
  readonly requestId: string | undefined

  constructor(message: string, { type, status, code, requestId, cause }: Partial<StripeError> & { type: string }) {
    super(message, { cause })
    this.type = type
    this.status = status
    this.code = code
    this.requestId = requestId
  }
}

/**
 * The calls of Stripe's API that PerSQL makes. Each is retried twice where Stripe's documentation says that this is
 * safe.
 */
export class StripeClient {
  readonly #secretKey: string
  readonly #origin: string

  /** `url` selects another server, such as a test server. */
  constructor(secretKey: string, url?: string) {
    this.#secretKey = secretKey
    this.#origin = url ? new URL(url).origin : STRIPE_ORIGIN
  }

  /** Opens a payment page. The same key returns the same page. @throws StripeError */
  createCheckoutSession(params: Stripe.Checkout.SessionCreateParams, key: string): Promise<Stripe.Checkout.Session> {
    return this.#request('/v1/checkout/sessions', {
      method: 'POST',
      body: encodeForm(params),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Idempotency-Key': key },
    })
  }

  /** Reads a payment. @throws StripeError */
  retrievePaymentIntent(id: string): Promise<Stripe.PaymentIntent> {
    return this.#request(`/v1/payment_intents/${encodeURIComponent(id)}`, { method: 'GET' })
  }

  async #request<T extends object>(path: string, init: RequestInit): Promise<T> {
    const headers = {
      ...(init.headers as Record<string, string> | undefined),
      Accept: 'application/json',
      Authorization: `Bearer ${this.#secretKey}`,
      'Stripe-Version': API_VERSION,
      'User-Agent': 'PerSQL',
    }
    for (let retries = 0; ; retries++) {
      const response = await fetch(this.#origin + path, {
        ...init,
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch((cause: unknown) => {
        if (retries < RETRIES) return undefined
        throw new StripeError('No response from Stripe.', { type: 'connection_error', cause })
      })
      if (response && (retries === RETRIES || !isRetryable(response))) return readResponse(response)
      await response?.body?.cancel()
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS))
    }
  }
}

/** Returns whether a retry can succeed: as Stripe's header says, or else after a conflict or a server error. */
function isRetryable({ status, headers }: Response): boolean {
  const advice = headers.get('Stripe-Should-Retry')
  return advice === 'true' || (advice !== 'false' && (status === 409 || status >= 500))
}

/** @throws StripeError */
async function readResponse<T extends object>(response: Response): Promise<T> {
  const requestId = response.headers.get('Request-Id') ?? undefined
  const text = await response.text().catch((cause: unknown) => {
    throw new StripeError('The response from Stripe was cut off.', { type: 'connection_error', requestId, cause })
  })
  const result = parseObject(text)
  if (!result)
    throw new StripeError('The response from Stripe is not a JSON object.', { type: 'invalid_response', requestId })
  if (response.ok && !result.error) return result as T
  const { type = 'api_error', code, message } = Object(result.error) as Partial<StripeError>
  throw new StripeError(message ?? `Stripe responded with ${response.status}.`, {
    type,
    code,
    requestId,
    status: response.status,
  })
}

function parseObject(text: string): { error?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
