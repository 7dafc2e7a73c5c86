import { PerSQLError } from '@persql/contract'
import { type Reply, readBody, toReply } from '../../reply.ts'
import { toProtocolError } from './error.ts'

/** The most requests, and bytes, of one call. The body of a call has the limit of a request over HTTP. */
const MAX_RUN = 1_000
const MAX_RUN_BYTES = 10 * 1024 * 1024
/** The most bytes of entries in one response. A client asks again for more. */
const MAX_FETCH_BYTES = 1024 * 1024
const CLOSE = '{"message":{"request":{"type":"close"}}}'
const OK = '{"type":"ok",'
const ERROR = '{"type":"error",'

/** A request that a stream received. */
export interface Received {
  readonly requestId: number
  readonly type: string
  /** The request for the database, as JSON. */
  readonly body?: string
  readonly cursorId?: number
  readonly maxCount?: number
}

/** The result of a batch, of which the client fetches parts. */
interface Cursor {
  readonly entries: readonly string[]
  next: number
  readonly release: () => void
}

/** The socket of a stream. */
export interface StreamOptions {
  /** Runs requests in the database. */
  readonly run: (body: string, isOpen: boolean) => Promise<Reply>
  readonly send: (text: string) => void
  /** Counts the memory of a cursor. Returns `undefined` if it is full. */
  readonly takeCursor: (bytes: number) => (() => void) | undefined
  /** Called with the failure of a call, before its requests are answered. */
  readonly onFailure: (reply: Reply) => void
  /** Called after requests were answered. */
  readonly onAnswered: (requests: readonly Received[]) => void
}

/**
 * A stream of a socket. Its requests run one after another; those that wait for an earlier one run together. After a call
 * that failed as a whole, the stream only answers with that error, because later statements may rely on those that didn't run.
 */
export class SocketStream {
  readonly #options: StreamOptions
  readonly #queue: Received[] = []
  readonly #cursors = new Map<number, Cursor>()
  #baton: string | null = null
  #failure: string | undefined
  #isWorking = false
  #isEnded = false

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** Runs a request after those before it. */
  push(received: Received): Promise<void> | undefined {
    this.#queue.push(received)
    return this.#isWorking ? undefined : this.#work()
  }

  /** Ends the stream with its socket: rolls back its transaction. */
  end(): Promise<void> | undefined {
    this.#isEnded = true
    this.#queue.length = 0
    this.#closeCursors()
    return this.#isWorking ? undefined : this.#rollBack()
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    for (let run = this.#take(); run.length > 0; run = this.#take()) {
      await this.#perform(run)
      this.#options.onAnswered(run)
    }
    this.#isWorking = false
    if (this.#isEnded) await this.#rollBack()
  }

  /** Returns the requests that run next: one, or consecutive ones that one call can run. */
  #take(): readonly Received[] {
    let bytes = 0
    let length = 0
    for (const { type, body = '' } of this.#queue) {
      bytes += body.length
      const isAlone = isOfCursor(type)
      if (length > 0 && (isAlone || length >= MAX_RUN || bytes > MAX_RUN_BYTES)) break
      length++
      if (isAlone || type === 'close_stream') break
    }
    return this.#queue.splice(0, length)
  }

  async #perform(run: readonly Received[]): Promise<void> {
    const [first] = run as readonly [Received]
    if (this.#failure !== undefined) this.#refuse(run, this.#failure)
    else if (first.type === 'fetch_cursor') this.#fetch(first)
    else if (first.type === 'close_cursor') this.#closeCursor(first)
    else if (first.type === 'close_stream' && this.#baton === null) this.#answer(first)
    else await this.#call(run)
  }

  async #call(run: readonly Received[]): Promise<void> {
    const reply = await this.#run(run.map(({ body = CLOSE }) => body))
    if (reply.code !== undefined) {
      this.#failure = formatError(reply)
      this.#options.onFailure(reply)
      this.#refuse(run, this.#failure)
      await this.#rollBack()
      return
    }
    const [baton = 'null', ...lines] = (await readBody(reply)).split('\n')
    this.#baton = JSON.parse(baton) as string | null
    const [first] = run as readonly [Received]
    if (first.type === 'open_cursor')
      this.#openCursor(
        first,
        lines.filter((line) => line !== ''),
      )
    else for (const [i, request] of run.entries()) this.#forward(request, lines[i] as string)
  }

  #run(bodies: readonly string[]): Promise<Reply> {
    const baton = this.#baton
    return this.#options.run(`{"baton":${JSON.stringify(baton)},"requests":[${bodies.join(',')}]}`, baton !== null)
  }

  /** Sends a response of the database. */
  #forward(request: Received, line: string): void {
    if (request.type === 'close_stream') this.#answer(request)
    else if (line.startsWith(OK)) this.#send(request, 'response_ok', line.slice(OK.length, -1))
    else this.#send(request, 'response_error', line.slice(ERROR.length, -1))
  }

  #openCursor(request: Received, entries: readonly string[]): void {
    const bytes = entries.reduce((sum, { length }) => sum + length, 0)
    const release = this.#options.takeCursor(bytes)
    if (release && !this.#isEnded) {
      this.#cursors.set(request.cursorId as number, { entries, next: 0, release })
      this.#answer(request)
      return
    }
    release?.()
    const problem = 'The open cursors of this namespace take too much memory. Close a cursor, or select fewer rows.'
    this.#refuse([request], formatError(toReply(new PerSQLError('too_busy', { problem, seconds: 1 }))))
  }

  #fetch(request: Received): void {
    const { cursorId, maxCount = Number.POSITIVE_INFINITY } = request
    const cursor = this.#cursors.get(cursorId as number)
    if (!cursor) {
      const problem = `No cursor ${cursorId} is open.`
      this.#refuse([request], formatError(toReply(new PerSQLError('invalid_input', { problem }))))
      return
    }
    const { entries, next } = cursor
    let bytes = 0
    while (cursor.next < entries.length && cursor.next - next < maxCount && bytes < MAX_FETCH_BYTES) {
      bytes += (entries[cursor.next++] as string).length
    }
    const part = entries.slice(next, cursor.next).join(',')
    this.#answer(request, `"entries":[${part}],"done":${cursor.next === entries.length}`)
  }

  #closeCursor(request: Received): void {
    this.#cursors.get(request.cursorId as number)?.release()
    this.#cursors.delete(request.cursorId as number)
    this.#answer(request)
  }

  #closeCursors(): void {
    for (const { release } of this.#cursors.values()) release()
    this.#cursors.clear()
  }

  /** Answers with an error. Requests that close something always succeed. */
  #refuse(run: readonly Received[], error: string): void {
    for (const request of run) {
      if (request.type === 'close_cursor') this.#closeCursor(request)
      else if (request.type === 'close_stream') this.#answer(request)
      else this.#send(request, 'response_error', `"error":${error}`)
    }
  }

  #answer(request: Received, fields = ''): void {
    if (request.type === 'close_stream') this.#closeCursors()
    const more = fields === '' ? '' : `,${fields}`
    this.#send(request, 'response_ok', `"response":{"type":"${request.type}"${more}}`)
  }

  #send({ requestId }: Received, type: string, fields: string): void {
    this.#options.send(`{"type":"${type}","request_id":${requestId},${fields}}`)
  }

  /** Ends the transaction, if one is open. The database does so too, but only after some seconds. */
  async #rollBack(): Promise<void> {
    if (this.#baton === null) return
    const closing = this.#run([CLOSE])
    this.#baton = null
    await closing
  }
}

const isOfCursor = (type: string): boolean => type.endsWith('_cursor')

/** Formats the error of a failed call. */
export const formatError = (reply: Reply): string => {
  const { message, code } = toProtocolError(reply)
  return JSON.stringify({ message, code })
}
