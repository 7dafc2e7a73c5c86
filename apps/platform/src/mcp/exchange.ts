import {
  classifyInboundRequest,
  isJsonContentType,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type Server,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Transport,
} from '@modelcontextprotocol/server'

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
  if (method !== 'POST' || message === undefined) return false
  const accept = headers.get('Accept')
  if (!accept?.includes('application/json') || !accept.includes('text/event-stream')) return false
  if (!isJsonContentType(headers.get('Content-Type'))) return false
  const protocolVersionHeader = headers.get('MCP-Protocol-Version') ?? undefined
  if (protocolVersionHeader !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersionHeader)) return false
  const outcome = classifyInboundRequest({ httpMethod: method, protocolVersionHeader, body: message })
  return outcome.kind === 'legacy' && outcome.reason === 'no-claim'
}

/**
 * Lets a server answer one request, as one event. The SDK's transport gives the same bytes from two streams and a timer
 * that it makes for each request, which take longer than a query.
 */
export async function exchange(server: Server, message: JSONRPCRequest): Promise<Response> {
  const transport = new Exchange()
  await server.connect(transport)
  transport.onmessage?.(message)
  return new Response(`event: message\ndata: ${JSON.stringify(await transport.answer)}\n\n`, { headers: HEADERS })
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
