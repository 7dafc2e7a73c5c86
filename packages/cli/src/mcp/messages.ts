/** The parts of an MCP message that the proxy needs. */
export interface Message {
  jsonrpc?: string
  id?: string | number | null
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: unknown
}

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
/** The parameter that a header repeats, since protocol version 2026-07-28. */
const named: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** Encodes a header value: printable ASCII unchanged, everything else as base64. */
function headerValue(value: string): string {
  const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?base64?')
  return plain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

/** Returns the headers of a message: since version 2026-07-28 from the message itself, before from the negotiated version. */
export function headersFor(message: Message, negotiated: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
  }
  const { method, params } = message
  const claimed = (params?._meta as Record<string, unknown> | undefined)?.[VERSION_KEY]
  if (typeof claimed !== 'string' || method === undefined) {
    if (negotiated !== undefined) headers['MCP-Protocol-Version'] = negotiated
    return headers
  }
  headers['MCP-Protocol-Version'] = claimed
  headers['Mcp-Method'] = method
  const name = params?.[named[method] ?? '']
  if (typeof name === 'string') headers['Mcp-Name'] = headerValue(name)
  return headers
}

/** Yields the messages of a response: one, or those of an event stream. @throws Error if the response has no message */
export async function* readMessages(response: Response): AsyncGenerator<Message> {
  const type = response.headers.get('Content-Type') ?? ''
  if (type.startsWith('text/event-stream') && response.body) {
    for await (const data of events(response.body)) yield JSON.parse(data)
    return
  }
  const text = await response.text()
  if (text === '' && response.ok) return
  const message = object(text)
  if (message?.jsonrpc === '2.0') yield message
  else throw new Error(refusal(response.status, message, text))
}

function object(text: string): Message | undefined {
  try {
    return Object(JSON.parse(text))
  } catch {
    return undefined
  }
}

function refusal(status: number, body: object | undefined, text: string): string {
  const { error } = Object(body) as { error?: unknown }
  return typeof error === 'string' ? error : `The server responded with ${status}: ${text.slice(0, 200)}`
}

async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split(/\r?\n\r?\n/)
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'))
      const data = lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n')
      if (data !== '') yield data
    }
  }
}
