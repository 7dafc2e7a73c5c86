import {
  classifyInboundRequest,
  isJsonContentType,
  type JSONRPCMessage,
  type JSONRPCRequest,
  PROTOCOL_VERSION_META_KEY,
  type Server,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Transport,
} from '@modelcontextprotocol/server'
import { serverFor } from './server.ts'
import type { Session } from './session.ts'
import { call, toToolResult } from './tool-call.ts'
import { listText } from './tool-list.ts'

/** What the SDK's own transport sends with an answer of 2025. */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  Connection: 'keep-alive',
  'X-Accel-Buffering': 'no',
}

/**
 * Whether this is a request of 2025 that nothing at the level of HTTP speaks against. All else is left to the SDK's
 * handler: the protocol of 2026, the handshake, notifications, and whatever is to be refused.
 */
export function isPlainRequest(message: unknown, { method, headers }: Request): message is JSONRPCRequest {
  if (method !== 'POST' || namesItsEra(message)) return false
  const accept = headers.get('Accept')
  if (!accept?.includes('application/json') || !accept.includes('text/event-stream')) return false
  if (!isJsonContentType(headers.get('Content-Type'))) return false
  const protocolVersionHeader = headers.get('MCP-Protocol-Version') ?? undefined
  if (protocolVersionHeader !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersionHeader)) return false
  if (isBareRequest(message)) return true
  const outcome = classifyInboundRequest({ httpMethod: method, protocolVersionHeader, body: message })
  return outcome.kind === 'legacy' && outcome.reason === 'no-claim'
}

/** As each request of 2026 does. */
const namesItsEra = (message: unknown): boolean =>
  Object.hasOwn(Object(Object(Object(message).params)._meta), PROTOCOL_VERSION_META_KEY)

/** What nearly all send. It cannot be taken for anything else, and this is told at a tenth of the cost. */
function isBareRequest(message: unknown): boolean {
  const { jsonrpc, id, method, params, ...rest } = Object(message) as Record<string, unknown>
  return (
    jsonrpc === '2.0' &&
    (typeof id === 'string' || Number.isSafeInteger(id)) &&
    typeof method === 'string' &&
    method !== 'initialize' &&
    (params === undefined || isBareObject(params)) &&
    Object.keys(rest).length === 0
  )
}

/** Names that mean something to the SDK or to the language are for the SDK to judge. */
const isBareObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !Object.hasOwn(value, '_meta') &&
  !Object.hasOwn(value, '__proto__')

/**
 * Answers such a request, as one event. The SDK's transport gives the same bytes from two streams and a timer that it
 * makes for each request, which take longer than a query.
 */
export async function handleStateless(message: JSONRPCRequest, session: Session): Promise<Response> {
  return new Response(`event: message\ndata: ${textOf(await answerTo(message, session))}\n\n`, { headers: HEADERS })
}

/**
 * A bare call that does not fail needs no server of the SDK: it would validate, in seven passes, what is seen to be valid
 * here and a result that we made, and that takes a fifth of the whole (`npm run bench -- --case MCP`).
 */
async function answerTo(message: JSONRPCRequest, session: Session): Promise<JSONRPCMessage> {
  const bare = bareCall(message)
  if (!bare) return answerOfServer(serverFor(session), message)
  const outcome = toToolResult(() => call(bare.name, bare.given, session))
  try {
    return { result: await outcome, jsonrpc: '2.0', id: message.id }
  } catch {
    const failing = serverFor(session, () => outcome)
    return answerOfServer(failing, message)
  }
}

/** The tool and its arguments, where there is nothing else. */
function bareCall({ method, params }: JSONRPCRequest): { name: string; given: Record<string, unknown> } | undefined {
  if (method !== 'tools/call') return undefined
  const { name, arguments: given = {}, ...rest } = Object(params) as Record<string, unknown>
  if (typeof name !== 'string' || !isBareObject(given) || Object.keys(rest).length > 0) return undefined
  return { name, given }
}

async function answerOfServer(server: Server, message: JSONRPCRequest): Promise<JSONRPCMessage> {
  const transport = new Exchange()
  await server.connect(transport)
  transport.onmessage?.(message)
  return transport.answer
}

/** A message as JSON. Lists of tools are long and always the same, so they are put in as the text they once were. */
function textOf(message: JSONRPCMessage): string {
  const result = 'result' in message ? message.result : {}
  const list = listText(result.tools)
  if (list === undefined) return JSON.stringify(message)
  // The result stands first, and in it the list.
  return JSON.stringify({ ...message, result: { ...result, tools: 0 } }).replace('"tools":0', () => `"tools":${list}`)
}

/** Carries one request to a server, and its answer back. It is never closed: nothing is left open to close. */
class Exchange implements Transport {
  onmessage: Transport['onmessage']
  readonly #answer = Promise.withResolvers<JSONRPCMessage>()

  get answer(): Promise<JSONRPCMessage> {
    return this.#answer.promise
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  /** Our handlers send nothing but the answer. */
  async send(message: JSONRPCMessage): Promise<void> {
    this.#answer.resolve(message)
  }
}
