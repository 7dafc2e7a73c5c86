import { PerSQLError } from '@persql/contract'
import { authenticateOperator } from './api/authenticate.ts'
import { type Context, createContext, getContext, keepContext } from './context.ts'
import { createErrorResponse } from './database/endpoints/serve.ts'
import { diskStatus } from './disk-space.ts'
import type { Env } from './env.ts'
import { consoleFiles } from './http/files/console.ts'
import { documentation } from './http/files/documentation.ts'
import { packageRegistry } from './http/files/package-registry.ts'
import { answerLibsql } from './http/libsql/libsql.ts'
import { answerOpenApi } from './http/openapi/route.ts'
import { pages } from './http/pages/pages.ts'
import { answerHosted, answerPublicCall } from './http/public/public-endpoint.ts'
import { answerAuth } from './http/rest/auth.ts'
import { clientAddress, isFromThisMachine } from './http/rest/client-address.ts'
import { isTokenApi, preflightReply, shareWithPage } from './http/rest/cross-origin.ts'
import { dev } from './http/rest/dev-routes.ts'
import { floodRetryAfterS } from './http/rest/flood-control.ts'
import { launcherRoutes } from './http/rest/launcher-routes.ts'
import { answerOtherMethods, asGet, varyByOrigin } from './http/rest/methods.ts'
import { answerMetrics } from './http/rest/metrics-route.ts'
import { answerReadiness } from './http/rest/readiness.ts'
import { logRequest } from './http/rest/request-log.ts'
import { type Answer, type Answered, answerDatabaseCall, rest } from './http/rest/rest.ts'
import { handleStripeWebhook } from './http/rest/stripe-webhook.ts'
import { toNetwork } from './ip-address.ts'
import { handleMcp } from './mcp/route.ts'
import { count, countRequest } from './metrics/metrics.ts'
import { authorize } from './oauth/authorize.ts'
import { login } from './oauth/login.ts'
import { oauthRoutes } from './oauth/routes.ts'
import { withHeader, withRequestIdHeader } from './request-id.ts'
import { getSettings } from './settings.ts'
import { TRACEPARENT } from './tracing/trace-context.ts'
import { type Span, startRequestSpan } from './tracing/tracer.ts'
import type { TracingSettings } from './tracing/tracing-settings.ts'
import { noteRequest } from './turns.ts'

export { Cell } from './cell-entrypoint.ts'
export { Database } from './database/object.ts'
export { Directory } from './directory/object.ts'
export { Namespace } from './namespace/object.ts'

const answers = new WeakMap<Request, Answer>()
const answered: Answered = (request, answer) => answers.set(request, answer)
const app = rest(answered)
app.get('/healthz', () => Response.json({ ok: true, disk: diskStatus() }))
app.get('/readyz', (c) => answerReadiness(c.env))
app.get('/metrics', async (c) => {
  if (!isFromThisMachine(c.req.raw, getSettings(c.env))) await authenticateOperator(getContext(c.req.raw, c.env))
  return answerMetrics(c.env)
})

app.post('/api/stripe/webhook', async (c) => {
  await handleStripeWebhook(c.req.raw, c.env)
  return c.json({ received: true })
})
app.route('/', pages())
app.route('/', oauthRoutes())
app.route('/', authorize())
app.route('/', login())
app.route('/api/dev', dev(answered))
app.route('/api/launcher', launcherRoutes(answered))
app.get('/api/openapi.json', (c) => answerOpenApi(c.req.raw, c.env))
app.on(['GET', 'POST'], '/api/auth/*', (c) => answerAuth(c.req.raw, c.env))
app.route('/', documentation())
app.route('/', packageRegistry())
app.route('/', consoleFiles())
answerOtherMethods(app)

export default {
  async fetch(sent, env, ctx) {
    const { url } = sent
    const isHead = sent.method === 'HEAD'
    const request = isHead ? asGet(sent) : sent
    if (isProbe(url)) return app.fetch(request, env, ctx)
    const startedMs = performance.now()
    noteRequest()
    const untraced = createContext(request, env, url)
    const { requestId, settings } = untraced
    const span = settings.tracing && startSpan(settings.tracing, request, ctx)
    const context = span === undefined ? untraced : { ...untraced, span }
    const address = clientAddress(request, settings)
    const waitS = floodRetryAfterS(toNetwork(address), settings.floodPerMinute, Date.now())
    const page = context.page && isTokenApi(url) ? context.page : undefined
    // If a preflight request fails, the page learns nothing else, so it isn't refused. It costs as much as a refusal.
    const isPreflight = page !== undefined && sent.method === 'OPTIONS'
    const result = isPreflight
      ? { response: preflightReply(page), operation: 'none', code: undefined }
      : waitS > 0
        ? flooded(waitS, url)
        : await answer(request, url, address, context, ctx)
    const { operation, code, namespace, database } = result
    if (result.isUnlogged) return result.response
    const shared = page === undefined ? result.response : shareWithPage(result.response, page)
    const sentBack = isHead ? await withoutBody({ ...result, response: shared }) : shared
    const withId = result.hasRequestId ? sentBack : withRequestIdHeader(sentBack, requestId)
    const response = span === undefined ? withId : withHeader(withId, TRACEPARENT, span.traceparent)
    const ms = performance.now() - startedMs
    countRequest(operation, response.status, ms)
    if (code) count('persql_errors_total', `code="${code}"`)
    logRequest(
      {
        at: new Date().toISOString(),
        level: 'info',
        event: 'request',
        requestId,
        method: sent.method,
        path: toLoggedPath(url),
        operation,
        namespace,
        database,
        status: response.status,
        code,
        ms: Math.round(ms * 100) / 100,
        address,
      },
      settings.logFormat,
      (work) => ctx.waitUntil(work),
      Boolean(env.PERSQL_CELLS),
    )
    if (span !== undefined) endSpan(span, sent, response, result, context)
    return response
  },
} satisfies ExportedHandler<Env>

/** Returns whether a load balancer or the launcher asks. These requests aren't counted, limited or logged. */
const isProbe = (url: string): boolean => {
  const isNamed = url.endsWith('/healthz') ? 8 : url.endsWith('/readyz') ? 7 : 0
  return isNamed > 0 && url.indexOf('/', 8) === url.length - isNamed
}

async function answer(
  request: Request,
  url: string,
  address: string,
  context: Context,
  ctx: ExecutionContext,
): Promise<Answer> {
  const called = answerDatabaseCall(request, url, context)
  if (called) return called
  const hosted = answerHosted(request, url, address, context)
  const known = (hosted && (await hosted)) ?? answerPublicCall(request, url, address, context)
  if (known) return known
  const streamed = answerLibsql(request, url, context)
  if (streamed) return streamed
  const spoken = handleMcp(request, url, context)
  if (spoken) return spoken
  keepContext(request, context)
  const response = await app.fetch(request, context.env, ctx)
  const routed = answers.get(request) ?? { response, operation: 'none', code: undefined }
  return API.test(url) ? { ...routed, response: varyByOrigin(routed.response) } : routed
}

const startSpan = (tracing: TracingSettings, { headers, method }: Request, ctx: ExecutionContext): Span | undefined =>
  startRequestSpan(tracing, headers, method, (work) => ctx.waitUntil(work))

function endSpan(span: Span, { method, url }: Request, { status }: Response, answer: Answer, ctx: Context): void {
  const { operation, namespace, database, code } = answer
  span.note({
    'http.request.method': method,
    'http.response.status_code': status,
    'url.path': toLoggedPath(url),
    'persql.operation': operation,
    'persql.namespace': namespace,
    'persql.database': database,
    'persql.request_id': ctx.requestId,
    'error.type': code,
  })
  span.end({ name: operation === 'none' ? method : operation, isError: status >= 500 })
}

/** Cancels the body of a response to HEAD. The runtime omits the body, but doesn't cancel its stream. */
async function withoutBody({ response, isStream }: Answer): Promise<Response> {
  if (!isStream) return response
  await response.body?.cancel()
  // With no body at all, the runtime would send `Content-Length: 0`.
  return new Response(new ReadableStream({ start: (controller) => controller.close() }), response)
}

function flooded(seconds: number, url: string): Answer {
  const error = new PerSQLError('flood', { seconds })
  const headers = { 'Retry-After': String(seconds), Vary: 'Origin' }
  const body = toLoggedPath(url).startsWith('/p/') ? createErrorResponse(error).body : JSON.stringify(error)
  const response = new Response(body, {
    status: error.status,
    headers: { ...headers, 'Content-Type': 'application/json' },
  })
  return { response, operation: 'none', code: error.code }
}

/** Returns the path for the log, without the secrets that some paths contain. */
function toLoggedPath(url: string): string {
  const path = url.slice(url.indexOf('/', 8)).replace(/[?#].*$/, '')
  return (MAY_CONTAIN_SECRET.test(path) ? withoutSecrets(path) : path).slice(0, 300)
}

const MAY_CONTAIN_SECRET = /invit|approv|reset-password/
const withoutSecrets = (path: string) =>
  path
    .replace(/^(\/api\/(?:invitations|approvals)|\/invite|\/approve|\/api\/auth\/reset-password)\/[^/]+/, '$1/…')
    .replace(/\/approvals\/appr_[^/]+/, '/approvals/…')

/** Paths whose response depends on the `Origin` header. */
const API = /^[a-z]+:\/\/[^/]+\/api\//
