import { waitUntil } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { authenticateForDatabase } from '../../api/authenticate.ts'
import type { Context } from '../../context.ts'
import { toNetwork } from '../../ip-address.ts'
import { isObject, parseObject } from '../../json-object.ts'
import { type Reply, refuseRequest } from '../../reply.ts'
import { clientAddress } from '../rest/client-address.ts'
import { SocketCalls } from './socket-calls.ts'
import { isFlooding, takeCursor, takeSocket, takeUnknown } from './socket-limits.ts'
import { SocketSql } from './socket-sql.ts'
import { formatError, type Received, SocketStream } from './socket-stream.ts'

/** The versions of the protocol, the preferred one first. */
const VERSIONS = ['hrana3', 'hrana2', 'hrana1']
const MAX_STREAMS = 100
const MAX_CURSORS = 4
/** The most requests, and bytes of messages, that wait for their responses. */
const MAX_WAITING = 1_000
const MAX_WAITING_BYTES = 10 * 1024 * 1024
/** A client that leaves this much unread can't send more. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024
/** The time in which a client has to authenticate. */
const HELLO_MS = 10_000
/** The time without a message after which a socket is closed. Clients open a new one. */
const IDLE_MS = 5 * 60_000

/** Requests that the database runs in a stream. */
const IN_STREAM: ReadonlySet<unknown> = new Set([
  ...['execute', 'batch', 'sequence', 'describe', 'get_autocommit', 'open_cursor'],
])
/** Statuses of failed calls after which the socket is closed, so that the client connects again. */
const CLOSING: ReadonlySet<number> = new Set([401, 500, 503])
/** Close codes and reasons that clients receive. */
const CLOSED = {
  invalid: [1007, 'invalid_message'],
  tooMany: [1008, 'too_many_requests'],
  slow: [1008, 'too_slow'],
  tooLarge: [1009, 'message_too_large'],
  idle: [4408, 'idle'],
} as const

/**
 * Opens a WebSocket of the protocol. It belongs to this Worker, and each call of a stream is a request to the database, so it
 * is authorized, billed and limited as one over HTTP.
 * @throws PerSQLError `invalid_input` or `too_busy`
 */
export function openSocket(request: Request, at: { ns: string; db: string }, ctx: Context): Response {
  const offered = request.headers
    .get('Sec-WebSocket-Protocol')
    ?.split(',')
    .map((each) => each.trim())
  const version = VERSIONS.find((each) => offered?.includes(each))
  if (offered && version === undefined) {
    const problem = `Sec-WebSocket-Protocol must contain one of ${VERSIONS.map((each) => `"${each}"`).join(', ')}.`
    throw new PerSQLError('invalid_input', { problem })
  }
  const address = clientAddress(request, ctx.settings)
  const release = takeUnknown(toNetwork(address))
  if (!release) throw tooMany('Too many WebSocket connections of this IP address.')
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  new LibsqlSocket(server, { ...at, address, ctx, release })
  return new Response(null, {
    status: 101,
    webSocket: client,
    headers: version === undefined ? {} : { 'Sec-WebSocket-Protocol': version },
  })
}

interface SocketOptions {
  readonly ns: string
  readonly db: string
  readonly address: string
  readonly ctx: Context
  /** Stops counting the socket. */
  readonly release: () => void
}

/** A WebSocket of a client: a set of streams with one token. */
class LibsqlSocket {
  readonly #ws: WebSocket
  readonly #at: Pick<SocketOptions, 'ns' | 'db'>
  readonly #network: string
  readonly #calls: SocketCalls
  readonly #streams = new Map<number, SocketStream>()
  /** The streams of the cursors. */
  readonly #cursors = new Map<number, SocketStream>()
  readonly #sql = new SocketSql()
  /** The length of the message of each request that waits for its response. */
  readonly #lengths = new WeakMap<Received, number>()
  #ctx: Context
  #release: () => void
  /** The messages after a `hello` that isn't answered yet. */
  #held: string[] | undefined
  #hasToken = false
  #isClosed = false
  #waiting = 0
  #waitingBytes = 0
  #usedMs = Date.now()

  constructor(ws: WebSocket, { ns, db, address, ctx, release }: SocketOptions) {
    this.#ws = ws
    this.#at = { ns, db }
    this.#network = toNetwork(address)
    this.#ctx = { ...ctx, span: undefined }
    this.#release = release
    this.#calls = new SocketCalls({
      ...{ ns, db, address },
      context: () => this.#ctx,
      unsentBytes: () => (this.#isClosed ? undefined : ws.bufferedAmount),
      onSlow: () => this.#close(CLOSED.slow),
    })
    ws.addEventListener('message', ({ data }) => this.#receive(data))
    ws.addEventListener('close', () => this.#end())
    ws.addEventListener('error', () => this.#end())
    setTimeout(() => !this.#hasToken && this.#close(CLOSED.idle), HELLO_MS)
    this.#watch()
  }

  /** Closes the socket after it was idle. */
  #watch(): void {
    const leftMs = this.#usedMs + IDLE_MS - Date.now()
    if (this.#isClosed) return
    if (leftMs <= 0 && this.#waiting === 0) this.#close(CLOSED.idle)
    else setTimeout(() => this.#watch(), Math.max(leftMs, 1_000))
  }

  #receive(data: unknown): void {
    if (this.#isClosed) return
    this.#usedMs = Date.now()
    if (isFlooding(this.#network, this.#ctx.settings.floodPerMinute, this.#usedMs)) this.#close(CLOSED.tooMany)
    else if (this.#ws.bufferedAmount > MAX_UNSENT_BYTES) this.#close(CLOSED.slow)
    else if (typeof data !== 'string') this.#close(CLOSED.invalid)
    else if (data.length > MAX_WAITING_BYTES) this.#close(CLOSED.tooLarge)
    else if (this.#waiting >= MAX_WAITING || this.#waitingBytes + data.length > MAX_WAITING_BYTES)
      this.#close(CLOSED.tooMany)
    else if (!this.#held) this.#handle(data)
    else {
      this.#count(1, data.length)
      this.#held.push(data)
    }
  }

  #count(requests: number, length: number): void {
    this.#waiting += requests
    this.#waitingBytes += length
  }

  #handle(text: string): void {
    let message: Record<string, unknown>
    try {
      message = parseObject(text)
    } catch {
      this.#close(CLOSED.invalid)
      return
    }
    const { type, request_id: requestId, request } = message
    if (type === 'hello') waitUntil(this.#hello(message.jwt))
    else if (type !== 'request' || !this.#hasToken || !isId(requestId) || !isObject(request))
      this.#close(CLOSED.invalid)
    else this.#request(requestId, request, text)
  }

  /** Authenticates. Messages wait until that is done. */
  async #hello(jwt: unknown): Promise<void> {
    this.#held = []
    const { ns, db } = this.#at
    try {
      const next = withToken(this.#ctx, jwt)
      const { grant } = await authenticateForDatabase(next, ns, db)
      const release = takeSocket(ns, db, grant.tokenId)
      if (!release) throw tooMany('Too many WebSocket connections of this token or namespace.')
      this.#release()
      this.#release = release
      this.#ctx = next
      this.#hasToken = true
      if (this.#isClosed) release()
      this.#send('{"type":"hello_ok"}')
    } catch (cause) {
      const reply = refuseRequest(cause, this.#ctx.requestId)
      this.#send(`{"type":"hello_error","error":${formatError(reply)}}`)
      this.#close([4000 + reply.status, reply.code as string])
    }
    const held = this.#held
    this.#held = undefined
    for (const text of held) {
      this.#count(-1, -text.length)
      // Another `hello` holds the rest.
      if (this.#held) this.#receive(text)
      else if (!this.#isClosed) this.#handle(text)
    }
  }

  #request(requestId: number, request: Record<string, unknown>, text: string): void {
    const { type } = request
    const id = request.stream_id as number
    try {
      if (type === 'store_sql' || type === 'close_sql') {
        if (type === 'store_sql') this.#sql.store(request.sql_id, request.sql)
        else this.#sql.close(request.sql_id)
        this.#answer(requestId, type)
      } else if (type === 'open_stream') this.#openStream(requestId, id)
      else if (type === 'close_stream') this.#closeStream(requestId, id)
      else if (type === 'fetch_cursor' || type === 'close_cursor') this.#ofCursor(requestId, type, request)
      else if (IN_STREAM.has(type)) this.#inStream(requestId, type as string, request, text)
      else throw invalid('"request.type" must be a request of the libSQL protocol, such as "execute" or "batch".')
    } catch (cause) {
      const error = formatError(refuseRequest(cause, this.#ctx.requestId))
      this.#send(`{"type":"response_error","request_id":${requestId},"error":${error}}`)
    }
  }

  #openStream(requestId: number, id: unknown): void {
    if (!isId(id) || this.#streams.has(id)) throw invalid('"stream_id" must be an integer that no open stream has.')
    if (this.#streams.size >= MAX_STREAMS) throw tooMany(`This WebSocket already has ${MAX_STREAMS} open streams.`)
    const { ns } = this.#at
    const stream = new SocketStream({
      run: (body, isOpen) => this.#calls.run(body, isOpen),
      send: (text) => this.#send(text),
      takeCursor: (bytes) => takeCursor(ns, bytes),
      onFailure: (reply) => CLOSING.has(reply.status) && queueMicrotask(() => this.#closeFor(reply)),
      onAnswered: (requests) => {
        for (const each of requests) this.#count(-1, -(this.#lengths.get(each) ?? 0))
      },
    })
    this.#streams.set(id, stream)
    this.#answer(requestId, 'open_stream')
  }

  #closeStream(requestId: number, id: number): void {
    const stream = this.#streams.get(id)
    this.#streams.delete(id)
    for (const [cursorId, of] of this.#cursors) if (of === stream) this.#cursors.delete(cursorId)
    if (stream) this.#push(stream, { requestId, type: 'close_stream' }, 0)
    else this.#answer(requestId, 'close_stream')
  }

  #inStream(requestId: number, type: string, request: Record<string, unknown>, text: string): void {
    const stream = this.#streams.get(request.stream_id as number)
    if (!stream) throw invalid('"stream_id" must be the ID of an open stream.')
    const body = `{"stored":${JSON.stringify(this.#sql.usedBy(request))},"message":${text}}`
    if (type !== 'open_cursor') {
      this.#push(stream, { requestId, type, body }, body.length)
      return
    }
    const { cursor_id: cursorId } = request
    if (!isId(cursorId) || this.#cursors.has(cursorId))
      throw invalid('"cursor_id" must be an integer that no open cursor has.')
    if (this.#cursors.size >= MAX_CURSORS) throw tooMany(`This WebSocket already has ${MAX_CURSORS} open cursors.`)
    this.#cursors.set(cursorId, stream)
    this.#push(stream, { requestId, type, body, cursorId }, body.length)
  }

  #ofCursor(requestId: number, type: string, request: Record<string, unknown>): void {
    const { cursor_id: cursorId, max_count: maxCount } = request
    const stream = this.#cursors.get(cursorId as number)
    if (type === 'close_cursor') {
      this.#cursors.delete(cursorId as number)
      if (stream) this.#push(stream, { requestId, type, cursorId: cursorId as number }, 0)
      else this.#answer(requestId, type)
      return
    }
    if (!stream) throw invalid('"cursor_id" must be the ID of an open cursor.')
    if (!isId(maxCount) || maxCount < 1) throw invalid('"max_count" must be a positive integer.')
    this.#push(stream, { requestId, type, cursorId: cursorId as number, maxCount }, 0)
  }

  #push(stream: SocketStream, received: Received, length: number): void {
    this.#count(1, length)
    this.#lengths.set(received, length)
    const work = stream.push(received)
    if (work) waitUntil(work)
  }

  #answer(requestId: number, type: string): void {
    this.#send(`{"type":"response_ok","request_id":${requestId},"response":{"type":"${type}"}}`)
  }

  #send(text: string): void {
    if (this.#isClosed) return
    try {
      this.#ws.send(text)
    } catch {
      // The client is closing the socket.
      this.#end()
    }
  }

  #closeFor({ status, code }: Reply): void {
    this.#close([4000 + status, code as string])
  }

  #close([code, reason]: readonly [number, string]): void {
    if (this.#isClosed) return
    this.#end()
    try {
      this.#ws.close(code, reason)
    } catch {
      // The socket is already closed.
    }
  }

  /** Ends all streams. */
  #end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#release()
    for (const stream of this.#streams.values()) {
      const work = stream.end()
      if (work) waitUntil(work)
    }
    this.#streams.clear()
  }
}

/** Returns the context with the token of a `hello`. Without one, the token in the header of the request applies. */
function withToken(ctx: Context, jwt: unknown): Context {
  if (jwt == null || jwt === '') return ctx
  if (typeof jwt !== 'string' || !/^[\x21-\x7e]+$/.test(jwt)) throw new PerSQLError('token_malformed')
  const headers = new Headers(ctx.headers)
  headers.set('Authorization', `Bearer ${jwt}`)
  return { ...ctx, headers }
}

const isId = (value: unknown): value is number => Number.isInteger(value)
const invalid = (problem: string) => new PerSQLError('invalid_input', { problem })
const tooMany = (problem: string) => new PerSQLError('too_busy', { problem, seconds: 1 })
