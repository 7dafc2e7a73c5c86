import { type Dispatcher, WebSocket } from 'undici'

/** A message of the change feed. */
export interface Message {
  type: string
  table?: string
  kind?: string
  tables?: string[] | '*'
  cursor?: string
  message?: string
}

/** A subscription of a client: every message in order, and its end. */
export interface Subscriber {
  readonly messages: Message[]
  /** `table kind` of each change. */
  changes(): string[]
  /** Returns the cursor for a reconnect. */
  cursor(): string
  send(message: unknown): void
  /** Resolves with the first matching message, including earlier ones. */
  until(fits: (message: Message) => boolean, timeoutMs?: number): Promise<Message>
  readonly closed: Promise<{ code: number; reason: string }>
  readonly protocol: string
  close(): void
}

/** Opens a subscription. Resolves when the server confirms it, rejects when the server refuses it. */
export async function subscribe(
  url: string,
  options: { token?: string; headers?: Record<string, string>; dispatcher?: Dispatcher } = {},
): Promise<Subscriber> {
  const protocols = options.token === undefined ? [] : [`persql.bearer.${options.token}`]
  const { headers = {}, dispatcher } = options
  const ws = new WebSocket(url.replace(/^http/, 'ws'), { protocols, headers, dispatcher })
  const messages: Message[] = []
  const waiting = new Set<() => void>()
  ws.onmessage = ({ data }) => {
    messages.push(data === 'pong' ? { type: 'pong' } : JSON.parse(String(data)))
    for (const look of [...waiting]) look()
  }
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.onclose = ({ code, reason }) => resolve({ code, reason })
  })
  await new Promise<void>((resolve, reject) => {
    ws.onopen = () => resolve()
    ws.onerror = () => reject(new Error('refused'))
  })
  const until = (fits: (message: Message) => boolean, timeoutMs = 60_000) =>
    new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look)
        reject(new Error(`Nothing fits in ${JSON.stringify(messages.slice(-20))}`))
      }, timeoutMs)
      const look = () => {
        const message = messages.find(fits)
        if (!message) return
        clearTimeout(timer)
        waiting.delete(look)
        resolve(message)
      }
      waiting.add(look)
      look()
    })
  const first = await until(({ type }) => type === 'subscribed')
  return {
    messages,
    changes: () => messages.filter(({ type }) => type === 'change').map(({ table, kind }) => `${table} ${kind}`),
    cursor: () => messages.findLast(({ cursor }) => cursor !== undefined)?.cursor ?? (first.cursor as string),
    send: (message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message)),
    until,
    closed,
    protocol: ws.protocol,
    close: () => ws.close(),
  }
}
