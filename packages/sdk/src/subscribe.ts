import { PerSQLError } from './errors.ts'
import type { Change } from './types.ts'

/** What to listen to, and what to do then. */
export interface SubscribeOptions {
  /** All tables unless some are named. */
  tables?: readonly string[]
  onChange: (change: Change) => void
  /** Each time the server has confirmed the subscription, with the tables that it covers. */
  onReady?: (tables: string[] | '*') => void
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
}

const PING_MS = 30_000
const open = 1

/** Listens until it is ended. After a lost connection it comes back by itself, behind the last change it was told of. */
export function subscribe(live: Live, { tables, onChange, onReady, onError }: SubscribeOptions): Subscription {
  const { baseURL, path, token } = live
  const Socket = live.WebSocket as typeof WebSocket
  let wanted = tables ?? []
  let socket: WebSocket | undefined
  let cursor: string | number | undefined
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false

  const connect = () => {
    const query = new URLSearchParams()
    if (wanted.length > 0) query.set('tables', wanted.join(','))
    if (cursor !== undefined) query.set('cursor', String(cursor))
    const current = new Socket(
      `${baseURL.replace(/^http/, 'ws')}${path}?${query}`,
      token ? [`persql.bearer.${token}`] : [],
    )
    socket = current
    const ping = setInterval(() => current.readyState === open && current.send('{"type":"ping"}'), PING_MS)
    current.onmessage = ({ data }) => {
      if (ended) return
      const message = JSON.parse(String(data))
      if (message.cursor !== undefined) cursor = message.cursor
      if (message.type === 'subscribed') {
        failures = 0
        onReady?.(message.tables)
      } else if (message.type === 'change') onChange(message)
      else if (message.type === 'error')
        onError?.(new PerSQLError({ status: 0, code: message.code ?? 'subscription', message: message.message }))
    }
    current.onclose = ({ code, reason }) => {
      clearInterval(ping)
      if (ended) return
      onError?.(
        new PerSQLError({ status: 0, code: 'network', message: `The subscription was cut off (${code} ${reason}).` }),
      )
      timer = setTimeout(connect, Math.random() * Math.min(30_000, 250 * 2 ** failures++))
    }
    // What went wrong is told by the close that follows.
    current.onerror = () => {}
  }
  connect()
  const off = () => {
    ended = true
    clearTimeout(timer)
    socket?.close()
  }
  const setTables = (names: readonly string[] = []) => {
    wanted = names
    if (socket?.readyState === open)
      socket.send(JSON.stringify({ type: 'set-tables', tables: names.length > 0 ? names : '*' }))
  }
  return Object.assign(off, { setTables })
}
