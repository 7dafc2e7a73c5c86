import { createMcpHandler } from '@modelcontextprotocol/server'
import { PerSQLError } from '@persql/contract'
import { authenticateForNamespace, callerNamespace } from '../api/authenticate.ts'
import type { Context } from '../context.ts'
import { readBody } from '../http/rest/body.ts'
import { formatAllow, optionsReply } from '../http/rest/methods.ts'
import type { Answer } from '../http/rest/rest.ts'
import { assertShallow } from '../json-object.ts'
import { type Reply, refuseRequest } from '../reply.ts'
import { explainFailure } from '../storage/sqlite-failures.ts'
import { serverFor } from './server.ts'
import { Session } from './session.ts'
import { handleStateless, isPlainRequest } from './stateless-transport.ts'
import { parseProfile } from './tool-profile.ts'

const MAX_BODY = 10 * 1024 * 1024
const PATH = /^[a-z]+:\/\/[^/]+(\/mcp)?\/?(?:\?([^#]*))?$/
/** Hostnames that a remote attacker can't point to this machine. */
const OWN_NAME = /^(localhost|\d+(\.\d+){3}|\[[0-9a-f:.]+\])$/

/** Responds to a request at the MCP entry point, `/mcp` or the root. Returns `undefined` for any other request. */
export function handleMcp(request: Request, url: string, context: Context): Promise<Answer> | undefined {
  const [matched, path, query] = PATH.exec(url) ?? []
  if (matched === undefined) return undefined
  if (path === undefined && !speaksMcp(request)) return undefined
  if (request.method === 'OPTIONS') {
    return Promise.resolve({ response: optionsReply(formatAllow(['POST'])), operation: 'mcp', code: undefined })
  }
  return answer(request, path ?? '', query ?? '', { ...context, audience: 'mcp' })
}

/** Returns whether a request at the root is for MCP. The root also serves a page to browsers. */
const speaksMcp = ({ method, headers }: Request) =>
  method === 'POST' ||
  headers.has('MCP-Protocol-Version') ||
  (headers.get('Accept')?.includes('text/event-stream') ?? false)

async function answer(request: Request, path: string, query: string, ctx: Context): Promise<Answer> {
  try {
    refuseForeignPages(ctx)
    const namespace = callerNamespace(ctx)
    const session = new Session(ctx, namespace, parseProfile(query))
    const text = request.method === 'POST' ? await readBody(request, MAX_BODY, ctx.settings) : undefined
    const message = text === undefined ? undefined : parsed(text)
    if (Array.isArray(message)) throw new PerSQLError('invalid_input', { problem: 'Send one message per request.' })
    const method = Object(message).method as unknown
    // Tool calls are authenticated when they run, as all other calls.
    if (method !== 'tools/call') await authenticateForNamespace(ctx)
    const isPlain = isPlainRequest(message, request)
    const response = isPlain
      ? await handleStateless(message, session)
      : await answerOfSdk(request, text, message, session)
    if (session.unauthorized) return refused(session.unauthorized, path, ctx)
    return { response, operation: session.operation ?? 'mcp', namespace, code: session.code, hasRequestId: isPlain }
  } catch (cause) {
    return refused(refuseRequest(await explainFailure(cause), ctx.requestId), path, ctx)
  }
}

/**
 * Returns the response of the SDK's handler, which supports both protocol versions and reports all invalid requests.
 */
async function answerOfSdk(
  request: Request,
  text: string | undefined,
  message: unknown,
  session: Session,
): Promise<Response> {
  const handler = createMcpHandler(() => serverFor(session), { maxSubscriptions: 1 })
  // The SDK parses invalid JSON again for its error, but a request body can be read only once.
  const { method, headers, signal } = request
  const given =
    text === undefined || message !== undefined
      ? request
      : new Request(request.url, { method, headers, body: text, signal })
  const response = await handler.fetch(given, { parsedBody: message })
  // The SDK acknowledges this stream and then sends nothing: no event that a client can subscribe to occurs here.
  if (Object(message).method === 'subscriptions/listen') return response
  if (!response.headers.get('Content-Type')?.includes('event-stream')) return response
  // Read the whole response, which is one message: only then is it known whether the token is valid.
  return new Response(await response.arrayBuffer(), response)
}

/**
 * Refuses calls from pages of other origins. If no public URL is set, also refuses hostnames that an attacker can point
 * to this machine.
 */
function refuseForeignPages({ headers, baseUrl, settings }: Context): void {
  const from = headers.get('Origin')
  if (from === null) return
  const { origin, hostname } = new URL(baseUrl)
  if (from !== origin || (settings.origin === undefined && !OWN_NAME.test(hostname))) {
    throw new PerSQLError('origin_refused', {
      origin: from.slice(0, 200),
      instead: 'In browsers, only pages of this instance can use MCP.',
    })
  }
}

/** @throws PerSQLError `invalid_input` for too many levels of nesting */
function parsed(text: string): unknown {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    // The SDK reports invalid JSON as a protocol error.
    return undefined
  }
  assertShallow(text)
  const { params } = Object(message) as { params?: { arguments?: unknown } | null }
  // AI models write `null` if they have no arguments, which the protocol doesn't allow.
  if (params?.arguments === null) delete params.arguments
  return message
}

/**
 * Creates the response to a request that is refused before its message is handled. The error's data is the body of
 * `/v1`.
 */
function refused({ status, body, code }: Reply, path: string, { baseUrl }: Context): Answer {
  const { success: _, ...data } = JSON.parse(body) as { success: boolean; error: string }
  const headers = new Headers({ 'Content-Type': 'application/json' })
  if (status === 401) {
    headers.set('WWW-Authenticate', `Bearer resource_metadata="${baseUrl}/.well-known/oauth-protected-resource${path}"`)
  }
  const error = { code: -32600, message: data.error, data }
  return {
    response: new Response(JSON.stringify({ jsonrpc: '2.0', id: null, error }), { status, headers }),
    operation: 'mcp',
    code,
  }
}
