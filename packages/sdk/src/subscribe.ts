import { PerSQLError } from './errors.ts'
import type { Change } from './types.ts'

/** What to listen to, and what to do then. */
export interface SubscribeOptions {
  /** All tables unless some are named. */
  tables?: readonly string[]
  /** Tells what has happened since, first: `cursor` of a change, or of `db.waitForChanges`. */
  cursor?: string
  onChange: (change: Change) => void
  /** Each time the server has confirmed the subscription, with the tables that it covers. */
  onReady?: (tables: string[] | '*') => void
  /** What went wrong. After `token_unknown`, `database_not_found` and the like, it does not come back. */
  onError?: (error: Error) => void
}

/** Ends a subscription when it is called. */
export interface Subscription {
  (): void
  /** Listens to other tables from now on; none named means all. */
  setTables(tables?: readonly string[]): void
}

/** Where to subscribe. */
export interface Live {
  baseURL: string
  path: string
  token: string | undefined
  WebSocket: typeof WebSocket | undefined
  /** Asks the same over HTTP: a WebSocket that is refused does not tell why. */
  ask: () => Promise<unknown>
}

const PING_MS = 30_000
const open = 1
/** Why the server closes, as it says right before it does. The connection itself may take its time to end. */
const CLOSING: Record<string, number> = {
  token_unknown: 401,
  database_not_found: 404,
  too_many_messages: 429,
  message_too_large: 413,
}
/** What will be refused again. */
const isFinal = ({ status }: PerSQLError) => [400, 401, 403, 404].includes(status)

/** Listens until it is ended. After a lost connection it comes back by itself, behind the last change it was told of. */
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
      if (!isHeard) return void lost(new PerSQLError({ status: 0, code: 'network', message: 'The server is silent.' }))
      isHeard = false
      current.send('{"type":"ping"}')
    }, PING_MS)
    /** Once for each connection, whatever tells of its end first. */
    const lost = async (told: PerSQLError) => {
      if (socket !== current) return
      socket = undefined
      clearInterval(ping)
      drop(current)
      const error = isReady || told.code !== 'network' ? told : ((await reasonOf(live)) ?? told)
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
      const message = `The subscription was cut off (${code} ${reason}).`
      lost(new PerSQLError({ status, code: status ? reason : 'network', message }))
    }
    // What went wrong is told by the close that follows.
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

/** Ends a connection. One that the server closes it keeps open for up to 20 s, and the process with it: `ws` need not wait. */
function drop(socket: WebSocket): void {
  if ('terminate' in socket && typeof socket.terminate === 'function') socket.terminate()
  else socket.close()
}

/** Why the server lets nobody in, if it says so. */
async function reasonOf({ ask }: Live): Promise<PerSQLError | undefined> {
  try {
    await ask()
  } catch (cause) {
    if (cause instanceof PerSQLError && isFinal(cause)) return cause
  }
  return undefined
}
