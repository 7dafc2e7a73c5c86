import { type Api, api, PerSQLError, route } from '@persql/contract'
import { Hono, type Context as HonoContext } from 'hono'
import { contextOf } from '../context.ts'
import type { ReplayKey } from '../database/call.ts'
import type { Env } from '../env.ts'
import { execute } from '../execute.ts'
import { type Reply, refuse } from '../reply.ts'
import { readBody } from './body.ts'
import { paymentRequired } from './payment-required.ts'

const MAX_BODY = 10 * 1024 * 1024
const MAX_KEY = 200

type App = Hono<{ Bindings: Env }>
type Bound = HonoContext<{ Bindings: Env }>

/** Every operation of the contract at its route. `answered` is told which operation it was. */
export function rest(answered: (request: Request, operation: string, reply: Reply) => void): App {
  const app: App = new Hono()
  const methods = new Map<string, string[]>()
  for (const name of Object.keys(api) as (keyof Api)[]) {
    const { method, path, inQuery } = route(api[name])
    const pattern = path.replace(/\{(\w+)\}/g, ':$1')
    methods.set(pattern, [...(methods.get(pattern) ?? []), method])
    app.on(method, pattern, async (c) => {
      const request = c.req.raw
      const context = contextOf(request, c.env)
      const reply = await execute(
        name,
        {
          params: inQuery && request.url.includes('?') ? { ...c.req.query(), ...c.req.param() } : c.req.param(),
          body: () => readBody(request, MAX_BODY),
          replayKeys: (body) => replayKeys(context.headers, context.route, body),
        },
        context,
      )
      answered(request, name, reply)
      return respond(reply, context.baseUrl)
    })
  }
  const fail = (c: Bound, operation: string, error: PerSQLError, headers?: HeadersInit) => {
    const reply = refuse(error)
    answered(c.req.raw, operation, reply)
    return respond(reply, '', headers)
  }
  for (const [pattern, allowed] of methods) {
    app.all(pattern, (c) => {
      const details = { path: c.req.path, method: c.req.method, allowed: allowed.join(', ') }
      return fail(c, 'none', new PerSQLError('method_not_allowed', details), { Allow: allowed.join(', ') })
    })
  }
  app.notFound((c) =>
    fail(c, 'none', new PerSQLError('route_not_found', { method: c.req.method, path: c.req.path.slice(0, 200) })),
  )
  app.onError((cause, c) => fail(c, 'none', PerSQLError.from(cause)))
  return app
}

function respond(reply: Reply, baseUrl: string, more?: HeadersInit): Response {
  if (reply.code === undefined && reply.replayed === undefined)
    return new Response(reply.body, { status: reply.status, headers: JSON_TYPE })
  const headers = new Headers(more)
  headers.set('Content-Type', 'application/json')
  if (reply.replayed) headers.set(`${reply.replayed}-Replayed`, 'true')
  if (reply.status === 401) headers.set('WWW-Authenticate', 'Bearer')
  if (reply.code !== 'insufficient_balance') return new Response(reply.body, { status: reply.status, headers })
  const { body, header } = paymentRequired(baseUrl)
  headers.set('PAYMENT-REQUIRED', header)
  return new Response(JSON.stringify({ ...(JSON.parse(reply.body) as object), ...body }), {
    status: reply.status,
    headers,
  })
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** The keys under which an answer is kept, from the request's headers. @throws PerSQLError `invalid_input` */
async function replayKeys(headers: Headers, path: string, body: string): Promise<readonly ReplayKey[] | undefined> {
  const idempotency = headers.get('Idempotency-Key')
  const plan = headers.get('Plan-Key')
  const step = headers.get('Plan-Step')
  if (idempotency === null && plan === null && step === null) return undefined
  if ((plan === null) !== (step === null)) {
    throw new PerSQLError('invalid_input', { problem: 'Plan-Key and Plan-Step go together.' })
  }
  for (const [name, key] of Object.entries({ 'Idempotency-Key': idempotency, 'Plan-Key': plan, 'Plan-Step': step })) {
    if (key !== null && (key.length === 0 || key.length > MAX_KEY)) {
      throw new PerSQLError('invalid_input', {
        problem: `${name} must have 1 to ${MAX_KEY} characters; it has ${key.length}.`,
      })
    }
  }
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${path}\n${body}`))
  const requestHash = new Uint8Array(digest).toHex()
  const keys: ReplayKey[] = []
  if (idempotency !== null) keys.push({ header: 'Idempotency', key: idempotency, requestHash })
  if (plan !== null && step !== null) keys.push({ header: 'Plan', key: JSON.stringify([plan, step]), requestHash })
  return keys
}
