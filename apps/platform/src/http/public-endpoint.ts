import { PerSQLError } from '@persql/contract'
import { endpointToToolDefinition } from '@persql/endpoint-spec'
import { databaseExists } from '../authenticate.ts'
import { type Context, clientAddress, contextOf } from '../context.ts'
import { type PublicFace, type PublicReply, refused } from '../database/endpoints/serve.ts'
import type { Env } from '../env.ts'
import { databaseObject } from '../objects.ts'
import { readBody } from './body.ts'
import { paymentRequired } from './payment-required.ts'
import type { Answer } from './rest.ts'

const MAX_BODY = 1024 * 1024
const PUBLIC_PATH = /^[a-z]+:\/\/[^/]+\/p\/([^/?#]+)\/([^/?#]+)\/([^?#]*)(?:\?([^#]*))?/
const SLUG = /^[a-z][a-z0-9-]{0,62}$/
const ENDPOINT = /^[a-z][a-z0-9-]{0,40}$/
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** A database as the public reaches it. */
interface Place {
  readonly namespace: string
  readonly database: string
  /** Base URL of its endpoints. */
  readonly baseUrl: string
}

/** Answers a call of a public endpoint, or nothing when the request is something else. */
export function answerPublicCall(request: Request, url: string, env: Env): Promise<Answer> | undefined {
  const [, namespace, database, rest, query] = PUBLIC_PATH.exec(url) ?? []
  if (namespace === undefined || database === undefined || rest === undefined) return undefined
  const ctx = contextOf(request, env, url)
  return answerAt(
    { namespace, database, baseUrl: `${ctx.baseUrl}/p/${namespace}/${database}` },
    rest,
    query ?? '',
    request,
    ctx,
  )
}

/** Answers a request for something of a database's public face, by its path behind the base URL. */
async function answerAt(place: Place, rest: string, query: string, request: Request, ctx: Context): Promise<Answer> {
  let operation = 'endpoint'
  try {
    const { namespace, database } = place
    if (!SLUG.test(namespace) || !SLUG.test(database))
      throw new PerSQLError('database_not_found', { database: database.slice(0, 80) })
    const known = databaseExists(ctx, namespace, database)
    if (known !== true && !(await known)) throw new PerSQLError('database_not_found', { database })
    if (rest === '.well-known/endpoints.json') {
      operation = 'endpoint_discovery'
      return { response: await discovery(place, request, ctx), operation, code: undefined }
    }
    if (!ENDPOINT.test(rest)) throw new PerSQLError('endpoint_not_found', { endpoint: rest.slice(0, 80) })
    const reply = await call(place, rest, query, request, ctx)
    if (typeof reply === 'string')
      return { response: new Response(reply, { headers: JSON_TYPE }), operation, code: undefined }
    return { response: respond(reply, ctx), operation, code: reply.code }
  } catch (cause) {
    const error = PerSQLError.from(cause)
    return { response: respond(refused(error), ctx), operation, code: error.code }
  }
}

async function call({ namespace, database }: Place, slug: string, query: string, request: Request, ctx: Context) {
  const { method, headers } = request
  const object = databaseObject(ctx.env, namespace, database)
  const input = method === 'POST' ? await bodyOf(request) : query
  const given = callerOf(headers, ctx)
  const startedMs = Date.now()
  try {
    return await object.serve(slug, method, input, clientAddress(request, ctx.settings), given)
  } catch (cause) {
    const timedOut = Date.now() - startedMs >= ctx.settings.queryTimeoutMs
    throw new PerSQLError(
      timedOut ? 'query_timeout' : 'unavailable',
      { seconds: ctx.settings.queryTimeoutMs / 1000 },
      { cause },
    )
  }
}

/** The body, or `null` for one that is too large: whether that matters is decided behind other gates. */
async function bodyOf(request: Request): Promise<string | null> {
  try {
    return await readBody(request, MAX_BODY)
  } catch (cause) {
    if (PerSQLError.from(cause).code === 'body_too_large') return null
    throw cause
  }
}

/** What gates look at, in JSON; empty when there is nothing. Pages of this instance itself are no other site. */
function callerOf(headers: Headers, { baseUrl }: Context): string {
  const origin = headers.get('Origin')
  const authorization = headers.get('Authorization')
  const captcha = headers.get('cf-turnstile-response')
  const foreign = origin !== null && origin !== new URL(baseUrl).origin
  if (!foreign && authorization === null && captcha === null) return ''
  return JSON.stringify({
    ...(foreign && { origin }),
    ...(authorization !== null && { authorization }),
    ...(captcha !== null && { captcha }),
  })
}

async function discovery({ namespace, database, baseUrl }: Place, request: Request, ctx: Context): Promise<Response> {
  if (request.method !== 'GET') {
    throw new PerSQLError('method_not_allowed', { path: 'endpoints.json', method: request.method, allowed: 'GET' })
  }
  const { description, specs } = await faceOf({ namespace, database }, ctx)
  const endpoints = specs.map((spec) => ({
    ...endpointToToolDefinition(spec),
    url: `${baseUrl}/${spec.slug}`,
    method: spec.method,
  }))
  return Response.json({ namespace, database, description, endpoints }, { headers: DISCOVERY })
}

async function faceOf(
  { namespace, database }: Pick<Place, 'namespace' | 'database'>,
  ctx: Context,
): Promise<PublicFace> {
  return JSON.parse(await databaseObject(ctx.env, namespace, database).publicFace()) as PublicFace
}

const DISCOVERY = { 'Cache-Control': 'public, max-age=30', 'Access-Control-Allow-Origin': '*' }

function respond({ status, body, code, headers }: PublicReply, ctx: Context): Response {
  if (status === 204) return new Response(null, { status, headers })
  if (code !== 'insufficient_balance') return new Response(body, { status, headers: { ...headers, ...JSON_TYPE } })
  const required = paymentRequired(ctx.baseUrl)
  return new Response(JSON.stringify({ ...(JSON.parse(body) as object), ...required.body }), {
    status,
    headers: { ...headers, ...JSON_TYPE, 'PAYMENT-REQUIRED': required.header },
  })
}
