import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Stripe from 'stripe'

export const stripeKey = 'sk_test_double'
export const webhookSecret = 'whsec_double'

interface Session {
  id: string
  url: string
  form: URLSearchParams
}

/** A stand-in for api.stripe.com. It checks PerSQL's requests as strictly as Stripe, and signs webhooks. */
export class StripeDouble {
  /** Sessions by idempotency key, as Stripe remembers them. */
  readonly sessions = new Map<string, Session>()
  /** Problems of invalid requests. */
  readonly complaints: string[] = []
  requests = 0
  /** The response to the next requests. */
  mood: 'well' | 'fail' | 'hang up' = 'well'
  readonly #failed = new Set<unknown>()
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #stripe = new Stripe(stripeKey)

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  get environment(): Record<'STRIPE_SECRET_KEY' | 'STRIPE_WEBHOOK_SECRET' | 'STRIPE_API_URL', string> {
    const { port } = this.#server.address() as AddressInfo
    return {
      STRIPE_SECRET_KEY: stripeKey,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      STRIPE_API_URL: `http://127.0.0.1:${port}`,
    }
  }

  /** Returns a session with the fields of its request. */
  session(id: string): Session {
    const session = [...this.sessions.values()].find((one) => one.id === id)
    if (!session) throw new Error(`Session ${id} not found.`)
    return session
  }

  /** Returns the body and signature of a webhook that is `ageS` seconds old. */
  event(type: string, object: object, ageS = 0): { body: string; headers: Record<string, string> } {
    const body = JSON.stringify({ id: `evt_${++this.requests}`, object: 'event', type, data: { object } })
    const timestamp = Math.floor(Date.now() / 1000) - ageS
    const signature = this.#stripe.webhooks.generateTestHeaderString({
      payload: body,
      secret: webhookSecret,
      timestamp,
    })
    return { body, headers: { 'stripe-signature': signature } }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const { pathname } = new URL(request.url ?? '', 'http://stripe')
    if (request.headers.authorization !== `Bearer ${stripeKey}`) return this.#complain(response, 'no key')
    const intent = /^\/v1\/payment_intents\/(pi_\w+)$/.exec(pathname)?.[1]
    if (request.method === 'GET' && intent) {
      const [, namespace] = /^pi_([a-z]+)/.exec(intent) ?? []
      return json(response, 200, { id: intent, object: 'payment_intent', metadata: { namespace, topup: 'topup_x' } })
    }
    if (request.method !== 'POST' || pathname !== '/v1/checkout/sessions') return this.#complain(response, pathname)
    const key = request.headers['idempotency-key']
    // Stripe also replays failures for an idempotency key.
    if (this.mood === 'fail') this.#failed.add(key)
    if (this.#failed.has(key)) return json(response, 500, { error: { type: 'api_error', message: 'down' } })
    const form = new URLSearchParams(body)
    const problem = this.#findProblem(form, key, request.headers['content-type'])
    if (problem) return this.#complain(response, problem)
    const known = this.sessions.get(key as string)
    if (known && known.form.toString() !== form.toString())
      return this.#complain(response, 'key used for something else')
    const id = `cs_test_${this.sessions.size + 1}_${Math.random().toString(36).slice(2)}`
    const session = known ?? { id, url: `https://checkout.stripe.test/${id}`, form }
    this.sessions.set(key as string, session)
    if (this.mood === 'hang up') return void request.socket.destroy()
    json(response, 200, { id: session.id, object: 'checkout.session', url: session.url })
  }

  #findProblem(form: URLSearchParams, key: unknown, type: string | undefined): string | undefined {
    const price = 'line_items[0][price_data]'
    const cents = Number(form.get(`${price}[unit_amount]`))
    if (type !== 'application/x-www-form-urlencoded') return `content type ${type}`
    if (typeof key !== 'string' || !/^topup_\w{32}$/.test(key)) return `idempotency key ${key}`
    if (form.get('mode') !== 'payment' || form.get(`${price}[currency]`) !== 'usd') return 'mode or currency'
    if (form.get('adaptive_pricing[enabled]') !== 'false') return 'adaptive pricing'
    if (!Number.isInteger(cents) || cents < 500) return `amount ${cents}`
    if (form.get('metadata[topup]') !== key || form.get('payment_intent_data[metadata][topup]') !== key)
      return 'metadata'
    if (!form.get('success_url')?.startsWith('http') || !form.get('cancel_url')) return 'return addresses'
    const lifeS = Number(form.get('expires_at')) - Date.now() / 1000
    return lifeS < 30 * 60 || lifeS > 24 * 60 * 60 ? `expires in ${lifeS} s` : undefined
  }

  #complain(response: ServerResponse, problem: string): void {
    this.complaints.push(problem)
    json(response, 400, { error: { type: 'invalid_request_error', message: problem } })
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_double' })
    .end(JSON.stringify(body))
}
