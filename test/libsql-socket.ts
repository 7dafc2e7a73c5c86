import { type Dispatcher, WebSocket } from 'undici'
import type { LibsqlResult } from './libsql-client.ts'

interface Options {
  readonly protocols?: readonly string[]
  readonly headers?: Record<string, string>
  readonly dispatcher?: Dispatcher
}

/** The response to a request of a closed socket. */
const CLOSED = { type: 'closed', error: { code: 'closed' } }

/** A WebSocket of the libSQL protocol. Requests get their IDs here. */
export class LibsqlSocket {
  readonly #ws: WebSocket
  readonly #waiting = new Map<number, (message: LibsqlResult) => void>()
  /** Messages that answer no request, such as `hello_ok`. */
  readonly others: LibsqlResult[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  #lastId = 0
  #onOther: (() => void) | undefined

  constructor(ws: WebSocket) {
    this.#ws = ws
    ws.onmessage = ({ data }) => {
      const message = JSON.parse(String(data))
      const answer = this.#waiting.get(message.request_id)
      this.#waiting.delete(message.request_id)
      if (answer) answer(message)
      else {
        this.others.push(message)
        this.#onOther?.()
      }
    }
    this.closed = new Promise((resolve) => {
      ws.onclose = ({ code, reason }) => {
        resolve({ code, reason })
        for (const answer of this.#waiting.values()) answer(CLOSED)
      }
    })
  }

  /** The version that the server chose. */
  get protocol(): string {
    return this.#ws.protocol
  }

  get socket(): WebSocket {
    return this.#ws
  }

  /** Authenticates, and returns the response. */
  async hello(jwt?: string | null): Promise<LibsqlResult> {
    const answered = new Promise<void>((resolve) => {
      this.#onOther = resolve
    })
    this.send({ type: 'hello', jwt })
    await answered
    return this.others.at(-1)
  }

  send(message: unknown): void {
    this.#ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** Sends a request and returns its response: the message of the server. */
  request(request: object): Promise<LibsqlResult> {
    const id = ++this.#lastId
    if (this.#ws.readyState !== WebSocket.OPEN) return Promise.resolve(CLOSED)
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.send({ type: 'request', request_id: id, request })
    })
  }

  /** Sends a request. Returns its response, or the error. */
  async ask(request: object): Promise<LibsqlResult> {
    const { response, error } = await this.request(request)
    return response ?? error
  }

  /** Opens a stream, and returns a function that sends its requests. */
  open(streamId: number) {
    const opened = this.ask({ type: 'open_stream', stream_id: streamId })
    const ask = (request: object) => this.ask({ stream_id: streamId, ...request })
    return Object.assign(ask, { opened, close: () => ask({ type: 'close_stream' }) })
  }

  close(): Promise<unknown> {
    this.#ws.close()
    return this.closed
  }
}

/** Opens a WebSocket. Rejects if the server refuses it. */
export async function openLibsqlSocket(
  url: string,
  { protocols = ['hrana3'], headers = {}, dispatcher }: Options = {},
): Promise<LibsqlSocket> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), { protocols: [...protocols], headers, dispatcher })
  const socket = new LibsqlSocket(ws)
  await new Promise<void>((resolve, reject) => {
    ws.onopen = () => resolve()
    ws.onerror = () => reject(new Error('refused'))
  })
  return socket
}
