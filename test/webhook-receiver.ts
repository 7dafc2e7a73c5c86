import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that reached the receiver. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test inspects any delivered body
  readonly body: any
  readonly atMs: number
}

/** A server that receives webhooks. */
export interface Receiver {
  readonly url: string
  readonly received: Received[]
  /** Returns the number of connections. */
  connections(): number
  /** Sends the responses from now on. */
  answer: (response: ServerResponse, request: Received) => void
  /** Resolves when this number of requests has arrived. */
  got(count: number, timeoutMs?: number): Promise<Received[]>
  /** Closes the port, or opens it again. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** Starts a receiver that responds 204 until `answer` is replaced. */
export async function startReceiver(): Promise<Receiver> {
  let server: Server | undefined
  let port = 0
  let connections = 0
  const received: Received[] = []
  const receiver: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/hook`
    },
    received,
    connections: () => connections,
    answer: (response) => response.writeHead(204).end(),
    async got(count, timeoutMs = 60_000) {
      const untilMs = Date.now() + timeoutMs
      while (received.length < count) {
        if (Date.now() > untilMs) throw new Error(`${received.length} of ${count} came`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return received
    },
    async stop() {
      server?.closeAllConnections()
      await new Promise((resolve) => server?.close(resolve))
    },
    async start() {
      server = createServer(async (request, response) => {
        const text = (await request.setEncoding('utf8').toArray()).join('')
        const body = text.startsWith('{') ? JSON.parse(text) : undefined
        const one = { path: request.url ?? '', headers: request.headers, text, body, atMs: Date.now() }
        received.push(one)
        receiver.answer(response, one)
      })
      server.on('connection', () => connections++)
      await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve))
      port = (server.address() as AddressInfo).port
    },
  }
  await receiver.start()
  return receiver
}
