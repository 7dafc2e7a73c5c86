import { waitUntil } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { executeProtocolCall } from '../../api/execute.ts'
import type { Context } from '../../context.ts'
import { toNetwork } from '../../ip-address.ts'
import { count, countRequest } from '../../metrics/metrics.ts'
import { type Reply, refuseRequest } from '../../reply.ts'
import { noteRequest } from '../../turns.ts'
import { floodRetryAfterS } from '../rest/flood-control.ts'
import { logRequest } from '../rest/request-log.ts'

const OPERATION = 'libsql_socket'
/** The most calls of a socket at a time. Those of streams with an open transaction don't count: others may wait for them. */
const MAX_CALLS = 20
/** While this much waits to be sent, no call starts. */
const MAX_UNSENT_BYTES = 1024 * 1024
const UNSENT_POLL_MS = 50
/** A client that received nothing for this long is slow. */
const SLOW_MS = 120_000

/** A socket, for its calls. */
export interface CallsOptions {
  readonly ns: string
  readonly db: string
  readonly address: string
  /** The context of calls: it has the token of the last `hello`. */
  readonly context: () => Context
  /** The bytes that wait to be sent; `undefined` if the socket is closed. */
  readonly unsentBytes: () => number | undefined
  readonly onSlow: () => void
}

/** The calls of a socket: each is a request like one over HTTP. */
export class SocketCalls {
  readonly #options: CallsOptions
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: CallsOptions) {
    this.#options = options
  }

  /** Runs requests of a stream. `isOpen` says whether it has an open transaction. */
  async run(body: string, isOpen: boolean): Promise<Reply> {
    if (isOpen) return this.#run(body)
    if (this.#running < MAX_CALLS) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await this.#run(body)
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  async #run(body: string): Promise<Reply> {
    await this.#drain()
    const { ns, db, address } = this.#options
    const ctx = this.#options.context()
    const startedMs = performance.now()
    noteRequest()
    const waitS = floodRetryAfterS(toNetwork(address), ctx.settings.floodPerMinute, Date.now())
    const reply =
      waitS > 0
        ? refuseRequest(new PerSQLError('flood', { seconds: waitS }), ctx.requestId)
        : await executeProtocolCall(
            OPERATION,
            {
              params: { ns, db },
              body: () => Promise.resolve(body),
              upload: () => Promise.reject(new PerSQLError('internal')),
              replayKeys: () => Promise.resolve(undefined),
            },
            ctx,
          )
    this.#record(reply, performance.now() - startedMs, ctx)
    return reply
  }

  /** Waits until the client has received most of what was sent. A closed socket doesn't wait. */
  async #drain(): Promise<void> {
    const { unsentBytes, onSlow } = this.#options
    let least = Number.POSITIVE_INFINITY
    let sinceMs = performance.now()
    for (;;) {
      const bytes = unsentBytes()
      if (bytes === undefined || bytes <= MAX_UNSENT_BYTES) return
      if (bytes < least) [least, sinceMs] = [bytes, performance.now()]
      else if (performance.now() - sinceMs > SLOW_MS) onSlow()
      await scheduler.wait(UNSENT_POLL_MS)
    }
  }

  #record({ status, code }: Reply, ms: number, { env, settings, requestId, route }: Context): void {
    const { ns, db, address } = this.#options
    countRequest(OPERATION, status, ms)
    if (code) count('persql_errors_total', `code="${code}"`)
    logRequest(
      {
        at: new Date().toISOString(),
        level: 'info',
        event: 'request',
        requestId,
        method: 'MESSAGE',
        path: route
          .slice(route.indexOf('/'))
          .replace(/[?#].*$/, '')
          .slice(0, 300),
        operation: OPERATION,
        namespace: ns,
        database: db,
        status,
        code,
        ms: Math.round(ms * 100) / 100,
        address,
      },
      settings.logFormat,
      waitUntil,
      Boolean(env.PERSQL_CELLS),
    )
  }
}
