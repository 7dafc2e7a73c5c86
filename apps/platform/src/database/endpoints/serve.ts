import { PerSQLError } from '@persql/contract'
import type { EndpointSpec } from '@persql/endpoint-spec'
import { ReaderResult } from '../reads/reader-result.ts'
import type { Input, Session } from './input.ts'
import type { RateLimits } from './rate-limits.ts'
import { type EndpointContext, publicError, runEndpoint } from './run.ts'
import type { Sessions } from './sessions.ts'
import type { Endpoints, OpenEndpoint } from './store.ts'

/** A call of an endpoint. */
export interface PublicCall {
  readonly slug: string
  readonly method: string
  /** The query string or the body; `null` for a body that is too large. */
  readonly input: string | null
  /** The caller's IP address. */
  readonly address: string
  /** The `Origin` header of a cross-origin request. */
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
  readonly captcha?: string | undefined
  /** The span of the request, if its trace is recorded. */
  readonly traceparent?: string | undefined
}

/** Encodes a call as one string: each additional argument of an RPC call adds about a twentieth of its total cost. */
export function encodeCall({ slug, method, input, address, ...headers }: PublicCall): string {
  const rest = headers.origin ?? headers.authorization ?? headers.captcha ?? headers.traceparent
  return `${slug}\n${method}\n${address}\n${rest === undefined ? '' : JSON.stringify(headers)}\n${input === null ? '-' : `+${input}`}`
}

/** Decodes the text of `encodeCall`. */
export function decodeCall(text: string): PublicCall {
  const ends: number[] = []
  for (let at = text.indexOf('\n'); ends.length < 4; at = text.indexOf('\n', at + 1)) ends.push(at)
  const [a = 0, b = 0, c = 0, d = 0] = ends
  const headers = text.slice(c + 1, d)
  return {
    slug: text.slice(0, a),
    method: text.slice(a + 1, b),
    address: text.slice(b + 1, c),
    input: text[d + 1] === '-' ? null : text.slice(d + 2),
    ...(headers !== '' &&
      (JSON.parse(headers) as Pick<PublicCall, 'origin' | 'authorization' | 'captcha' | 'traceparent'>)),
  }
}

/** The public description of a database's endpoints. */
export interface PublicManifest {
  readonly description?: string
  readonly specs: readonly EndpointSpec[]
}

/** A response to a public caller: only the body if the status is 200 and no extra headers are needed. */
export type EndpointResponse = string | EndpointReply
export interface EndpointReply {
  readonly status: number
  readonly body: string
  readonly code?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The database services that the endpoint guards use. */
export interface EndpointGuards {
  readonly endpoints: Endpoints
  readonly rateLimits: RateLimits
  readonly sessions: Sessions
  readonly now: () => number
  /** Returns whether the balance covers one more request. */
  readonly canServe: () => boolean
  /** Requests a credit lease. @throws PerSQLError */
  readonly credit: () => Promise<void>
  /** Returns a promise that resolves when no task has exclusive access; `undefined` without one. */
  readonly busy: () => Promise<void> | undefined
  /** @throws PerSQLError unless the captcha token is valid, fresh and issued to this IP address */
  readonly verifyCaptcha: (token: string, address: string) => Promise<void>
  readonly meansFor: (endpoint: OpenEndpoint) => EndpointContext
}

const MAX_BODY = '1 MB'
/** The Worker passes HEAD requests as GET. */
const ALLOW = { GET: 'GET, HEAD, OPTIONS', POST: 'POST, OPTIONS' } as const
const ALLOWED_HEADERS = 'Authorization, Content-Type, cf-turnstile-response'

/**
 * Checks a call in this order: published, method and CORS, size, balance, rate limit, captcha, session, validation.
 * Then runs it. Rejected calls are not billed. The function stays synchronous unless a check needs to wait.
 */
export function serveEndpoint(call: PublicCall, gates: EndpointGuards): EndpointResponse | Promise<EndpointResponse> {
  const endpoint = gates.endpoints.published(call.slug)
  if (!endpoint) return createErrorResponse(new PerSQLError('endpoint_not_found', { endpoint: call.slug.slice(0, 80) }))
  const headers = corsHeaders(call, endpoint)
  const fail = (cause: unknown) => createErrorResponse(publicError(cause, endpoint.spec), headers)
  try {
    const preflight = admit(call, endpoint, headers)
    if (preflight) return preflight
    const { captcha, auth } = endpoint.spec
    if (captcha || auth === 'session' || !gates.canServe()) {
      return serveSlowly(call, endpoint, gates).then((data) => succeeded(data, headers), fail)
    }
    limit(call, endpoint, gates)
    const data = run(call, endpoint, gates, undefined)
    return data instanceof Promise ? data.then((given) => succeeded(given, headers), fail) : succeeded(data, headers)
  } catch (cause) {
    return fail(cause)
  }
}

async function serveSlowly(call: PublicCall, endpoint: OpenEndpoint, gates: EndpointGuards): Promise<unknown> {
  const { captcha, auth } = endpoint.spec
  if (!gates.canServe()) await gates.credit()
  limit(call, endpoint, gates)
  if (captcha) {
    if (!call.captcha) throw new PerSQLError('captcha_missing')
    await gates.verifyCaptcha(call.captcha, call.address)
  }
  const session = auth === 'session' ? await gates.sessions.verify(call.authorization ?? null, gates.now()) : undefined
  await resume(endpoint, gates)
  return run(call, endpoint, gates, session)
}

/**
 * Continues a call after a wait, in which other calls ran.
 * @throws PerSQLError `endpoint_not_found` if the endpoint was paused, changed or deleted, or `insufficient_balance`
 */
export async function resume(
  endpoint: OpenEndpoint,
  { busy, canServe, credit, endpoints }: Pick<EndpointGuards, 'busy' | 'canServe' | 'credit' | 'endpoints'>,
): Promise<void> {
  const { slug } = endpoint.spec
  for (;;) {
    for (let running = busy(); running; running = busy()) await running
    if (!isUnchanged(endpoint, endpoints.published(slug)))
      throw new PerSQLError('endpoint_not_found', { endpoint: slug })
    if (canServe()) return
    await credit()
  }
}

/** Returns whether an endpoint is still the same. A task with exclusive access clears the cache of endpoints. */
const isUnchanged = (endpoint: OpenEndpoint, latest: OpenEndpoint | undefined): boolean =>
  latest === endpoint || JSON.stringify(latest) === JSON.stringify(endpoint)

function run(call: PublicCall, endpoint: OpenEndpoint, gates: EndpointGuards, session: Session | undefined): unknown {
  const input: Input = endpoint.readInput(endpoint.spec.method, call.input ?? '', session)
  return runEndpoint(endpoint, input, gates.meansFor(endpoint))
}

/** Checks the method, origin and size, and returns the response to a preflight request. */
function admit(
  { method, origin, input }: PublicCall,
  { spec }: OpenEndpoint,
  headers: EndpointReply['headers'],
): EndpointReply | undefined {
  const allowed = ALLOW[spec.method]
  if (method === 'OPTIONS') {
    if (origin === undefined) return { status: 204, body: '', headers: { Allow: allowed } }
    if (!headers) throw new PerSQLError('page_not_allowed', { origin })
    const cors = { 'Access-Control-Allow-Methods': spec.method, 'Access-Control-Allow-Headers': ALLOWED_HEADERS }
    return { status: 204, body: '', headers: { ...headers, ...cors, 'Access-Control-Max-Age': '60', Allow: allowed } }
  }
  if (method !== spec.method) throw new PerSQLError('method_not_allowed', { path: `"${spec.slug}"`, method, allowed })
  if (origin !== undefined && !headers) throw new PerSQLError('page_not_allowed', { origin: origin.slice(0, 200) })
  if (input === null) throw new PerSQLError('body_too_large', { limit: MAX_BODY })
  return undefined
}

function limit({ address }: PublicCall, { spec }: OpenEndpoint, { rateLimits, now }: EndpointGuards): void {
  if (!spec.rateLimit) return
  const seconds = rateLimits.take(spec.slug, address, spec.rateLimit, now())
  if (seconds > 0) throw new PerSQLError('rate_limited', { seconds })
}

/** Returns the CORS headers of a response, or `undefined` if the origin is not allowed. */
function corsHeaders({ origin }: PublicCall, { spec: { cors } }: OpenEndpoint): EndpointReply['headers'] {
  if (origin === undefined || !cors) return undefined
  const any = cors.includes('*')
  if (!any && !cors.includes(origin)) return undefined
  return {
    'Access-Control-Allow-Origin': any ? '*' : origin,
    'Access-Control-Expose-Headers': 'Retry-After',
  }
}

function succeeded(data: unknown, headers: EndpointReply['headers']): EndpointResponse {
  const text = data instanceof ReaderResult ? data.tableText : JSON.stringify(data)
  const body = `{"ok":true,"data":${text}}`
  return headers ? { status: 200, body, headers } : body
}

/** Returns the response to a failure, with the headers that its status needs. */
export function createErrorResponse(error: PerSQLError, headers?: EndpointReply['headers']): EndpointReply {
  const { code, status, message, details, extra } = error
  const more: Record<string, string> = { ...headers }
  if (status === 429 || code === 'cell_unavailable' || code === 'transaction_busy')
    more['Retry-After'] = String(details.seconds)
  if (code === 'method_not_allowed') more.Allow = String(details.allowed)
  if (status === 401 && code !== 'login_failed') more['WWW-Authenticate'] = 'Bearer'
  return { status, body: JSON.stringify({ ok: false, error: message, code, ...extra }), code, headers: more }
}
