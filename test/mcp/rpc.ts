import type { PlatformClient } from '../harness.ts'

/** A tool, a resource or an error of any shape, which a black-box test inspects. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type Untyped = any

/** Returns a handwritten client for the protocol of 2025, for one path and one token. */
export function speaker(platform: PlatformClient, token: string | undefined, path = '/mcp') {
  const send = async (method: string, params: object = {}, headers: Record<string, string> = {}) => {
    const { status, body, ...rest } = await platform.request(path, {
      token,
      headers: { accept: 'application/json, text/event-stream', ...headers },
      body: { jsonrpc: '2.0', id: 1, method, params },
    })
    // A response is JSON, or the only event of a stream.
    const event = typeof body === 'string' ? /^data: (.*)$/m.exec(body)?.[1] : undefined
    return { status, headers: rest.headers, body: (event ? JSON.parse(event) : body) as Untyped }
  }
  return {
    send,
    tools: async (): Promise<Untyped[]> => (await send('tools/list')).body.result.tools,
    call: async (name: string, given: object = {}): Promise<Untyped> => {
      const { body } = await send('tools/call', { name, arguments: given })
      return body.result ?? body
    },
  }
}
