import { PerSQLError } from './errors.ts'
import type { Change } from './types.ts'

/** The options of a subscription. */
export interface SubscribeOptions {
  /** Default: all tables. */
  tables?: readonly string[]
  /** Start after this position: `cursor` of a change, or of `db.waitForChanges`. */
  cursor?: string
  onChange: (change: Change) => void
  /** Called whenever the server confirms the subscription, with its tables. */
  onReady?: (tables: string[] | '*') => void
  /** Called with each error. After errors such as `token_unknown` or `database_not_found`, it doesn't reconnect. */
  onError?: (error: Error) => void
}

/** Ends a subscription. */
export interface Subscription {
  (): void
  /** Changes the tables of the subscription. Without an argument, it reports all tables. */
  setTables(tables?: readonly string[]): void
}

/** The target of a subscription. */
export interface Live {
  baseURL: string
  path: string
  token: string | undefined
  WebSocket: typeof WebSocket | undefined
  /** Sends the same request over HTTP, because a refused WebSocket has no error message. */
  ask: () => Promise<unknown>
}

const PING_MS = 30_000
const open = 1
/** The reason that the server sends before it closes a connection, which can stay open for a while. */
const CLOSING: Record<string, number> = {
  token_unknown: 401,
  database_not_found: 404,
  too_many_messages: 429,
  message_too_large: 413,
}
/** Errors that a retry can't fix. */
const isFinal = ({ status }: PerSQLError) => [400, 401, 403, 404].includes(status)

/** Subscribes to changes. After a lost connection, it reconnects and resumes after the last change it received. */
export function subscribe(live: Live, options: SubscribeOptions): Subscription {
  const { onChange, onReady, onError } = options
  const { baseURL, path, token } = live
  const Socket = live.WebSocket as typeof WebSocket
  let { tables: wanted = [], cursor } = options
  let socket: WebSocket | undefined
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let ping: ReturnType<typeof setInterval> | undefined
  let ended = false

  const connect = () => {
    const query = new URLSearchParams()
    if (wanted.length > 0) query.set('tables', wanted.join(','))
    if (cursor !== undefined) query.set('cursor', cursor)
    const current = new Socket(
      `${baseURL.replace(/^http/, 'ws')}${path}?${query}`,
      token ? [`persql.bearer.${token}`] : [],
    )
    socket = current
    let isReady = false
    let isHeard = true
    ping = setInterval(() => {
      if (current.readyState !== open) return
      if (!isHeard)
        return void lost(new PerSQLError({ status: 0, code: 'network', message: 'The server stopped responding.' }))
      isHeard = false
      current.send('{"type":"ping"}')
    }, PING_MS)
    /** Called once per connection, by the first event that ends it. */
    const lost = async (failure: PerSQLError) => {
      if (socket !== current) return
      socket = undefined
      clearInterval(ping)
      drop(current)
      const error = isReady || failure.code !== 'network' ? failure : ((await findReason(live)) ?? failure)
      if (ended) return
      ended = isFinal(error)
      onError?.(error)
      if (!ended) timer = setTimeout(connect, Math.random() * Math.min(30_000, 250 * 2 ** failures++))
    }
    current.onmessage = ({ data }) => {
      if (socket !== current) return
      isHeard = true
      const message = JSON.parse(String(data))
      if (message.cursor !== undefined) cursor = message.cursor
      if (message.type === 'subscribed') {
        isReady = true
        failures = 0
        onReady?.(message.tables)
      } else if (message.type === 'change') onChange(message)
      else if (message.type === 'error') {
        const status = CLOSING[message.message]
        const code = status ? message.message : 'subscription'
        const error = new PerSQLError({ status: status ?? 0, code, message: message.message })
        if (status) lost(error)
        else onError?.(error)
      }
    }
    current.onclose = ({ code, reason }) => {
      const status = CLOSING[reason] ?? 0
      const message = `The subscription was interrupted (${`${code} ${reason}`.trim()}).`
      lost(new PerSQLError({ status, code: status ? reason : 'network', message }))
    }
    // The close event that follows carries the reason.
    current.onerror = () => {}
  }
  connect()
  const off = () => {
    ended = true
    clearTimeout(timer)
    clearInterval(ping)
    const last = socket
    socket = undefined
    last?.close()
  }
  const setTables = (names: readonly string[] = []) => {
    wanted = names
    if (socket?.readyState === open)
      socket.send(JSON.stringify({ type: 'set-tables', tables: names.length > 0 ? names : '*' }))
  }
  return Object.assign(off, { setTables })
}

/** Closes a connection. `ws` terminates it, because a connection that the server closes can keep the process alive for 20 s. */
function drop(socket: WebSocket): void {
  if ('terminate' in socket && typeof socket.terminate === 'function') socket.terminate()
  else socket.close()
}

/** Returns the server's reason for refusing a connection, if it has one. */
async function findReason({ ask }: Live): Promise<PerSQLError | undefined> {
  try {
    await ask()
  } catch (cause) {
    if (cause instanceof PerSQLError && isFinal(cause)) return cause
  }
  return undefined
}
