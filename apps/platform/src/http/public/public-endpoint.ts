import { isSlug, PerSQLError } from '@persql/contract'
import { endpointToToolDefinition } from '@persql/endpoint-spec'
import { databaseExists } from '../../api/authenticate.ts'
import { toCallError } from '../../api/object-failure.ts'
import { databaseObject } from '../../api/objects.ts'
import type { Context } from '../../context.ts'
import {
  createErrorResponse,
  type EndpointReply,
  encodeCall,
  type PublicManifest,
} from '../../database/endpoints/serve.ts'
import type { Hosted } from '../../directory/hostnames.ts'
import { toRequestError } from '../../reply.ts'
import { REQUEST_ID_HEADER } from '../../request-id.ts'
import type { Settings } from '../../settings.ts'
import { explainFailure } from '../../storage/sqlite-failures.ts'
import { answerAt as answerLibsqlAt, asksForVersion, isLibsqlCall, isLibsqlSocket } from '../libsql/libsql.ts'
import { databaseOpenApi } from '../openapi/database.ts'
import { readBody } from '../rest/body.ts'
import { formatAllow, optionsReply } from '../rest/methods.ts'
import { paymentRequired } from '../rest/payment-required.ts'
import type { Answer } from '../rest/rest.ts'
import { resolveHostname } from './hostnames.ts'

const MAX_BODY = 1024 * 1024
const PUBLIC_PATH = /^[a-z]+:\/\/[^/]+\/p\/([^/?#]+)\/([^/?#]+)\/([^?#]*)(?:\?([^#]*))?/
const ENDPOINT = /^[a-z][a-z0-9-]{0,40}$/
/** The response depends on `Origin`, also when the request has none. */
const HEADERS = { 'Content-Type': 'application/json', Vary: 'Origin' }

/** A database at its public URL. */
interface Place {
  readonly namespace: string
  readonly database: string
  /** The origin of pages that are served beside the endpoints. Their calls don't count as cross-origin. */
  readonly origin: string
  /** The base URL of its endpoints. */
  readonly baseUrl: string
}

/** A request with the client's IP address. */
interface From {
  readonly request: Request
  readonly address: string
}

/** Responds to a call of a public endpoint. Returns `undefined` for any other request. */
export function answerPublicCall(
  request: Request,
  url: string,
  address: string,
  ctx: Context,
): Promise<Answer> | undefined {
  const [, namespace, database, rest, query] = PUBLIC_PATH.exec(url) ?? []
  if (namespace === undefined || database === undefined || rest === undefined) return undefined
  const { baseUrl, settings } = ctx
  const place = {
    namespace,
    database,
    origin: settings.origin ?? baseUrl,
    baseUrl: `${baseUrl}/p/${namespace}/${database}`,
  }
  return answerAt(place, rest, query ?? '', { request, address }, ctx)
}

/**
 * Responds to a request to a custom hostname, which serves only endpoints, at its root. Returns `undefined` for other
 * hosts.
 */
export function answerHosted(
  request: Request,
  url: string,
  address: string,
  ctx: Context,
): Promise<Answer | undefined> | undefined {
  const hosted = resolveHostname(url.slice(url.indexOf('/') + 2, url.indexOf('/', 8)), ctx.env, ctx.settings)
  return hosted && answerAtHost(hosted, { request, address }, url, ctx)
}

async function answerAtHost(
  asked: Hosted | Promise<Hosted | undefined>,
  from: From,
  url: string,
  ctx: Context,
): Promise<Answer | undefined> {
  let hosted: Hosted | undefined
  try {
    hosted = await asked
  } catch (cause) {
    return failed(cause, { operation: 'endpoint' }, ctx)
  }
  if (!hosted) return undefined
  const { protocol, host, pathname, search } = new URL(url)
  // If the instance has a proxy for TLS, the proxy serves custom hostnames over TLS too.
  const origin = `${ctx.settings.url?.startsWith('https:') ? 'https:' : protocol}//${host}`
  const { request } = from
  const [path, at] = [pathname.slice(1), { ns: hosted.namespace, db: hosted.database }]
  if (isLibsqlCall(request.method, path) || isLibsqlSocket(request, path))
    return answerLibsqlAt(request, { ...at, path }, ctx)
  const answer = await answerAt({ ...hosted, origin, baseUrl: origin }, path, search.slice(1), from, ctx)
  // A published endpoint can have the name of a version.
  const isUnknown = answer.code === 'endpoint_not_found' && asksForVersion(request.method, path)
  return isUnknown ? answerLibsqlAt(request, { ...at, path }, ctx) : answer
}

/** Responds to a request below a database's public base URL: an endpoint or a discovery document. */
async function answerAt(place: Place, rest: string, query: string, from: From, ctx: Context): Promise<Answer> {
  const { namespace, database } = place
  let what = { operation: 'endpoint', namespace, database }
  try {
    if (!isSlug(namespace) || !isSlug(database))
      throw new PerSQLError('database_not_found', { database: database.slice(0, 80) })
    const known = databaseExists(ctx, namespace, database)
    if (known !== true && !(await known)) throw new PerSQLError('database_not_found', { database })
    const describe = documents.get(rest)
    if (describe) {
      what = { ...what, operation: 'endpoint_discovery' }
      return { response: await discovery(place, rest, describe, from.request, ctx), ...what, code: undefined }
    }
    if (!ENDPOINT.test(rest)) throw new PerSQLError('endpoint_not_found', { endpoint: rest.slice(0, 80) })
    const reply = await call(place, rest, query, from, ctx)
    if (typeof reply === 'string')
      return {
        response: new Response(reply, { headers: { ...HEADERS, [REQUEST_ID_HEADER]: ctx.requestId } }),
        ...what,
        code: undefined,
        hasRequestId: true,
      }
    return { response: respond(reply, ctx), ...what, code: reply.code }
  } catch (cause) {
    return failed(await explainFailure(cause), what, ctx)
  }
}

type What = Pick<Answer, 'operation' | 'namespace' | 'database'>

function failed(cause: unknown, what: What, ctx: Context): Answer {
  const error = toRequestError(cause, ctx.requestId)
  return { response: respond(createErrorResponse(error), ctx), ...what, code: error.code }
}

async function call(
  { namespace, database, origin }: Place,
  slug: string,
  query: string,
  { request, address }: From,
  ctx: Context,
) {
  const { method, headers } = request
  const object = databaseObject(ctx.env, namespace, database)
  const input = method === 'POST' ? await readRequestBody(request, ctx.settings) : query
  const from = headers.get('Origin') ?? undefined
  const startedMs = Date.now()
  try {
    return await object.serve(
      encodeCall({
        slug,
        method,
        address,
        input,
        // A page on the endpoints' own origin isn't another site.
        origin: from === origin ? undefined : from,
        authorization: headers.get('Authorization') ?? undefined,
        captcha: headers.get('cf-turnstile-response') ?? undefined,
        traceparent: ctx.span?.traceparent,
      }),
    )
  } catch (cause) {
    throw await toCallError(ctx, namespace, database, startedMs, cause)
  }
}

/** Returns the body, or `null` if it is too large. The database decides later whether that is an error. */
async function readRequestBody(request: Request, settings: Settings): Promise<string | null> {
  try {
    return await readBody(request, MAX_BODY, settings)
  } catch (cause) {
    if (PerSQLError.from(cause).code === 'body_too_large') return null
    throw cause
  }
}

/** Creates a public document about the endpoints of a database. */
type Describe = (place: Place, face: PublicManifest) => object
const endpointsJson: Describe = ({ namespace, database, baseUrl }, { description, specs }) => ({
  namespace,
  database,
  description,
  endpoints: specs.map((spec) => ({
    ...endpointToToolDefinition(spec),
    url: `${baseUrl}/${spec.slug}`,
    method: spec.method,
  })),
})
const documents = new Map<string, Describe>([
  ['.well-known/endpoints.json', endpointsJson],
  ['openapi.json', (place, { description, specs }) => databaseOpenApi({ ...place, description }, specs)],
])

async function discovery(
  place: Place,
  name: string,
  describe: Describe,
  { method }: Request,
  ctx: Context,
): Promise<Response> {
  const allowed = formatAllow(['GET'])
  if (method === 'OPTIONS') return optionsReply(allowed, DISCOVERY)
  if (method !== 'GET') throw new PerSQLError('method_not_allowed', { path: name, method, allowed })
  const face = await databaseObject(ctx.env, place.namespace, place.database).publicFace()
  return Response.json(describe(place, JSON.parse(face) as PublicManifest), { headers: DISCOVERY })
}

const DISCOVERY = { 'Cache-Control': 'public, max-age=30', 'Access-Control-Allow-Origin': '*', Vary: 'Origin' }

function respond({ status, body, code, headers }: EndpointReply, ctx: Context): Response {
  if (status === 204) return new Response(null, { status, headers: { ...headers, Vary: 'Origin' } })
  if (code !== 'insufficient_balance') return new Response(body, { status, headers: { ...headers, ...HEADERS } })
  const required = paymentRequired(ctx.baseUrl)
  return new Response(JSON.stringify({ ...(JSON.parse(body) as object), ...required.body }), {
    status,
    headers: { ...headers, ...HEADERS, 'PAYMENT-REQUIRED': required.header },
  })
}
