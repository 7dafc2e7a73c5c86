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
import { REQUEST_ID_HEADER } from '../request-id.ts'
import { serverFor } from './server.ts'
import type { Session } from './session.ts'
import { callForText, toToolResult } from './tool-call.ts'
import { listText } from './tool-list.ts'

/** The headers that the SDK's own transport sends with a response of the 2025 protocol. */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  Connection: 'keep-alive',
  'X-Accel-Buffering': 'no',
}

/**
 * Returns whether this is a valid HTTP request of the 2025 protocol. All other messages go to the SDK's handler: the
 * 2026 protocol, the handshake, notifications, and invalid requests.
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

/** Returns whether the message names its protocol version, as each request of the 2026 protocol does. */
const namesItsEra = (message: unknown): boolean =>
  Object.hasOwn(Object(Object(Object(message).params)._meta), PROTOCOL_VERSION_META_KEY)

/**
 * Returns whether the message has the simple form that nearly all clients send. This check is unambiguous, and costs a
 * tenth of the SDK's.
 */
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

/** Returns whether a value is a plain object. Keys with a meaning for the SDK or the language are left to the SDK. */
const isBareObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !Object.hasOwn(value, '_meta') &&
  !Object.hasOwn(value, '__proto__')

/**
 * Responds to a plain request with one event. The SDK's transport sends the same bytes, but creates two streams and a
 * timer per request, which takes longer than a query.
 */
export async function handleStateless(message: JSONRPCRequest, session: Session): Promise<Response> {
  return new Response(`event: message\ndata: ${await answerTo(message, session)}\n\n`, {
    headers: { ...HEADERS, [REQUEST_ID_HEADER]: session.ctx.requestId },
  })
}

/**
 * Runs a bare call without the SDK's server. The server would validate the call and our own result in seven passes,
 * which takes a fifth of the total time (`npm run bench -- --case MCP`). A failed call goes through the server for its
 * error.
 */
async function answerTo(message: JSONRPCRequest, session: Session): Promise<string> {
  const bare = bareCall(message)
  if (!bare) return serialize(await answerOfServer(serverFor(session), message))
  const outcome = toToolResult(session, () => callForText(bare.name, bare.given, session))
  try {
    return `{"result":${await outcome},"jsonrpc":"2.0","id":${JSON.stringify(message.id)}}`
  } catch (cause) {
    return serialize(
      await answerOfServer(
        serverFor(session, () => Promise.reject(cause)),
        message,
      ),
    )
  }
}

/** Returns the tool and its arguments if the call has nothing else. */
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

/** Serializes a message. Lists of tools are long and constant, so their cached JSON is inserted. */
function serialize(message: JSONRPCMessage): string {
  const result = 'result' in message ? message.result : {}
  const list = listText(result.tools)
  if (list === undefined) return JSON.stringify(message)
  // The result comes first, so the first match is the list in it.
  return JSON.stringify({ ...message, result: { ...result, tools: 0 } }).replace('"tools":0', () => `"tools":${list}`)
}

/** Passes one request to a server and returns its response. It has no resources, so it is never closed. */
class Exchange implements Transport {
  onmessage: Transport['onmessage']
  readonly #answer = Promise.withResolvers<JSONRPCMessage>()

  get answer(): Promise<JSONRPCMessage> {
    return this.#answer.promise
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  /** Handlers send nothing except the response. */
  async send(message: JSONRPCMessage): Promise<void> {
    this.#answer.resolve(message)
  }
}
