import {
  type Api,
  api,
  credentialAt,
  type EntryPoint,
  getEntryPoints,
  type Operation,
  type Parsed,
  PerSQLError,
  route,
} from '@persql/contract'
import { Hono, type Context as HonoContext } from 'hono'
import { callerNamespace } from '../../api/authenticate.ts'
import { execute, isDatabaseOperation } from '../../api/execute.ts'
import { type Context, getContext } from '../../context.ts'
import type { ReplayKey } from '../../database/calls/call.ts'
import type { Env } from '../../env.ts'
import { type Reply, refuseRequest, toReply, toRequestError } from '../../reply.ts'
import { REQUEST_ID_HEADER } from '../../request-id.ts'
import { explainFailure } from '../../storage/sqlite-failures.ts'
import { streamExport } from '../files/export.ts'
import { Receiver } from '../files/import-upload.ts'
import { readBody } from './body.ts'
import { paymentRequired } from './payment-required.ts'
import { isStreamed, streamBody } from './stream-body.ts'
import { callerOfSocket, upgraded } from './subscribe.ts'

const MAX_BODY = 10 * 1024 * 1024
const MAX_KEY = 200

type App = Hono<{ Bindings: Env }>
type Bound = HonoContext<{ Bindings: Env }>
const names = Object.keys(api) as (keyof Api)[]

/** The outcome of a request, for the log. */
export interface Answer {
  readonly response: Response
  readonly operation: string
  readonly code: string | undefined
  /** The namespace and the database that the request is for, if it names them. */
  readonly namespace?: string | undefined
  readonly database?: string | undefined
  /** The body is generated while it is sent. A caller that doesn't send it must cancel it. */
  readonly isStream?: boolean
  /** Whether the response already has the header with the ID of the request: adding it later takes longer. */
  readonly hasRequestId?: boolean
  /** The request arrives every second, so neither the log nor the metrics have it. */
  readonly isUnlogged?: boolean
}

// Calls of databases bypass the router, which makes a warm point read 10% slower (`npm run bench`).
const DATABASE_PATH = /^[a-z]+:\/\/[^/]+\/v1\/db\/([^/?#]+)\/([^/?#]+)\/([a-z_]+)(?:\?|$)/
const databaseCalls = new Map<string, keyof Api>(
  names.filter(isDatabaseOperation).flatMap((name) => {
    const { method, path, params, inQuery } = route(api[name])
    // Only the router reads parameters from the query string.
    if ((inQuery || 'upload' in api[name]) && Object.keys(api[name].input.shape).length > params.length) return []
    const call = /^\/v1\/db\/\{ns\}\/\{db\}\/(\w+)$/.exec(path)?.[1]
    return call ? [[`${method} ${call}`, name] as const] : []
  }),
)

/** Responds to a call of a database. Returns `undefined` for any other request. */
export function answerDatabaseCall(request: Request, url: string, context: Context): Promise<Answer> | undefined {
  const [, ns, db, call] = DATABASE_PATH.exec(url) ?? []
  const name = databaseCalls.get(`${request.method} ${call}`)
  return name && answer(name, 'bearer', { ns, db }, request, context)
}

type Afterwards = (reply: Reply, at: { ns: string; db: string }, env: Env, request: Request) => Promise<Response>
/** Operations whose response isn't the operation's JSON. */
const AFTERWARDS: Partial<Record<keyof Api, Afterwards>> = { export_database: streamExport, subscribe: upgraded }

async function answer(
  name: keyof Api,
  door: EntryPoint,
  params: Record<string, unknown>,
  request: Request,
  known: Context,
): Promise<Answer> {
  const context = name === 'subscribe' ? callerOfSocket(request, known, door) : known
  if (context instanceof PerSQLError) {
    return {
      response: respond(refuseRequest(context, known.requestId), known),
      operation: name,
      code: context.code,
    }
  }
  // Created only for requests with a file: creating it takes about 3% of a point read.
  let file: Receiver | undefined
  const reply = await execute(
    name,
    door,
    {
      params,
      body: () => readBody(request, MAX_BODY, context.settings),
      upload: (input, grant) => {
        file = new Receiver(request, params as { ns: string; db: string }, context)
        return file.receive(input as Parsed<Api['import_database']>, grant)
      },
      replayKeys: (body) => replayKeys(context.headers, context.route, file?.digest ?? body),
    },
    context,
  )
  await file?.close()
  const { ns = reply.code === undefined ? namespaceOfToken(name, door, context) : undefined, db } = params as Named
  const place = { operation: name, namespace: ns, database: db }
  const afterwards = reply.code === undefined ? AFTERWARDS[name] : undefined
  if (!afterwards) return { response: respond(reply, context), ...place, code: reply.code, hasRequestId: true }
  const response = await afterwards(reply, params as { ns: string; db: string }, context.env, request)
  return { response, ...place, code: undefined, isStream: 'stream' in api[name] }
}

interface Named {
  readonly ns?: string
  readonly db?: string
}

/** Returns the namespace of the token of an operation that succeeded, if a token called it. */
const namespaceOfToken = (name: keyof Api, door: EntryPoint, context: Context): string | undefined =>
  credentialAt(door, api[name]) === 'token' ? callerNamespace(context) : undefined

/** Records the answer to a request for the request log. */
export type Answered = (request: Request, answer: Answer) => void

/** Serves every operation of the contract at its route, and calls `answered` with each outcome. */
export function rest(answered: Answered): App {
  const app: App = new Hono()
  for (const name of names) {
    for (const [door, { method, pattern, inQuery }] of getEntryPoints(api[name]).flatMap(spelled)) {
      app.on(method, pattern, async (c) => {
        const params =
          inQuery || 'upload' in api[name]
            ? { ...parseQueryString(api[name], c.req.url), ...c.req.param() }
            : c.req.param()
        const given = await answer(name, door, params, c.req.raw, getContext(c.req.raw, c.env))
        answered(c.req.raw, given)
        return given.response
      })
    }
  }
  const fail = (c: Bound, cause: unknown) => {
    const context = getContext(c.req.raw, c.env)
    const error = toRequestError(cause, context.requestId)
    const reply = toReply(error)
    const allow = error.code === 'method_not_allowed' ? { Allow: String(error.details.allowed) } : undefined
    const response = respond(reply, context, allow)
    answered(c.req.raw, { response, operation: 'none', code: reply.code })
    return response
  }
  app.notFound((c) =>
    fail(c, new PerSQLError('route_not_found', { method: c.req.method, path: c.req.path.slice(0, 200) })),
  )
  app.onError(async (cause, c) => fail(c, await explainFailure(cause)))
  return app
}

/** Returns a route with its pattern and, if it contains underscores, once more with hyphens. Callers can use either. */
function spelled([door, way]: ReturnType<typeof getEntryPoints>[number]) {
  const pattern = way.path.replace(/\{(\w+)\}/g, ':$1')
  return [...new Set([pattern, pattern.replaceAll('_', '-')])].map((each) => [door, { ...way, pattern: each }] as const)
}

/**
 * Returns the fields of an operation that are in the query string. All other parameters are ignored, because links and
 * proxies add their own. A repeated field becomes an array, which no operation accepts.
 */
function parseQueryString({ input }: Operation, url: string): Record<string, unknown> {
  const start = url.indexOf('?')
  if (start < 0) return {}
  const search = new URLSearchParams(url.slice(start + 1).replace(/#.*$/, ''))
  const fields = Object.entries(input.shape).flatMap(([name, schema]) => {
    const texts = search.getAll(name)
    const [text = ''] = texts
    return texts.length === 0 ? [] : [[name, texts.length > 1 ? texts : parameterValue(text, schema)] as const]
  })
  return Object.fromEntries(fields)
}

/** Returns the value of a query parameter: a number or a boolean if the operation requires one, else the text. */
function parameterValue(text: string, schema: Operation['input']['shape'][string]): string | number | boolean {
  if (!/^(-?\d{1,15}|true|false)$/.test(text) || schema.safeParse(text).success) return text
  return text === 'true' || (text !== 'false' && Number(text))
}

/** Returns the response with a reply, and the headers that belong to its outcome. */
export function respond(reply: Reply, { baseUrl, requestId }: Context, more?: HeadersInit): Response {
  if (reply.code === undefined && reply.replayed === undefined)
    return new Response(isStreamed(reply) ? streamBody(reply) : reply.body, {
      status: reply.status,
      headers: { 'Content-Type': 'application/json', [REQUEST_ID_HEADER]: requestId, Vary: 'Origin' },
    })
  const headers = new Headers(more)
  headers.set('Content-Type', 'application/json')
  headers.set(REQUEST_ID_HEADER, requestId)
  headers.set('Vary', 'Origin')
  if (reply.retryAfterS !== undefined) headers.set('Retry-After', String(reply.retryAfterS))
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

/** Returns the keys for an idempotent replay, from the request's headers. @throws PerSQLError `invalid_input` */
async function replayKeys(headers: Headers, path: string, body: string): Promise<readonly ReplayKey[] | undefined> {
  const idempotency = headers.get('Idempotency-Key')
  const plan = headers.get('Plan-Key')
  const step = headers.get('Plan-Step')
  if (idempotency === null && plan === null && step === null) return undefined
  if ((plan === null) !== (step === null)) {
    throw new PerSQLError('invalid_input', { problem: 'Plan-Key and Plan-Step must be sent together.' })
  }
  for (const [name, key] of Object.entries({ 'Idempotency-Key': idempotency, 'Plan-Key': plan, 'Plan-Step': step })) {
    if (key !== null && (key.length === 0 || key.length > MAX_KEY)) {
      throw new PerSQLError('invalid_input', {
        problem: `${name} must have 1 to ${MAX_KEY} characters, but has ${key.length}.`,
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
