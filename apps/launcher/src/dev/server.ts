import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Settings } from '../settings.ts'

/** The server of `npm run dev`. It forwards all requests to the platform, except those of mounted handlers. */
export interface DevServer {
  http: Server
  port: number
  /** Passes all requests below `base` to `handle`, except WebSockets, whose handlers listen to `http`. */
  mount(base: string, handle: Handler, close: () => Promise<void>): void
  stop(): Promise<void>
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Listens at the address of the settings. `platformPort` resolves when the platform accepts requests. */
export async function startDevServer(
  { HOST, PORT }: Settings,
  platformPort: () => Promise<number>,
): Promise<DevServer> {
  let mounted: { base: string; handle: Handler; close: () => Promise<void> } | undefined
  const isMounted = ({ url = '' }: IncomingMessage): boolean => mounted !== undefined && url.startsWith(mounted.base)
  const http = createServer((incoming, response) => {
    if (isMounted(incoming)) mounted?.handle(incoming, response)
    else forward(incoming, response, platformPort)
  })
  http.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isMounted(incoming)) forwardUpgrade(incoming, socket, head, platformPort)
  })
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(PORT, HOST, resolve)
  })
  return {
    http,
    port: (http.address() as AddressInfo).port,
    mount: (base, handle, close) => {
      mounted = { base, handle, close }
    },
    stop: async () => {
      await mounted?.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** Forwards a request with its `Host`, so the platform sees the URL of the browser. */
async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  platformPort: () => Promise<number>,
): Promise<void> {
  const fail = (cause: Error): void => {
    if (response.headersSent) response.destroy()
    else response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${cause.message}\n`)
  }
  try {
    const { method, url: path, headers } = incoming
    // A new connection, because connections to the process before a restart are closed.
    const target = { host: '127.0.0.1', port: await platformPort(), agent: false }
    const sent = request({ ...target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, toDevHeaders(answer.rawHeaders))
      answer.on('error', fail).pipe(response)
    })
    sent.on('error', fail)
    response.on('close', () => sent.destroy())
    incoming.pipe(sent)
  } catch (cause) {
    fail(cause as Error)
  }
}

async function forwardUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  platformPort: () => Promise<number>,
): Promise<void> {
  socket.on('error', () => {})
  try {
    const upstream = connect(await platformPort(), '127.0.0.1')
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    const { method, url, rawHeaders } = incoming
    const lines = pairs(rawHeaders).map(([name, value]) => `${name}: ${value}`)
    upstream.write(`${method} ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    upstream.pipe(socket).pipe(upstream)
  } catch {
    socket.destroy()
  }
}

/** Allows the inline script of React's hot reload with the page's nonce for styles. */
function toDevHeaders(rawHeaders: readonly string[]): string[] {
  return pairs(rawHeaders).flatMap(([name, value]) => {
    const nonce = /'nonce-[^']+'/.exec(value)?.[0]
    const isPolicy = name.toLowerCase() === 'content-security-policy' && nonce !== undefined
    return [name, isPolicy ? value.replace("script-src 'self'", `script-src 'self' ${nonce}`) : value]
  })
}

function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : []))
}
