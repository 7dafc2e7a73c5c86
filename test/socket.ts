import { WebSocket } from 'undici'

/** A message of the change feed. */
export interface Message {
  type: string
  table?: string
  kind?: string
  tables?: string[] | '*'
  cursor?: string
  message?: string
}

/** A subscription as a client sees it: every message in order, and how it ended. */
export interface Subscriber {
  readonly messages: Message[]
  /** `table kind` of each change. */
  changes(): string[]
  /** The cursor it would come back with. */
  cursor(): string
  send(message: unknown): void
  /** Resolves when a message is there that fits, also one that came before. */
  until(fits: (message: Message) => boolean, timeoutMs?: number): Promise<Message>
  readonly closed: Promise<{ code: number; reason: string }>
  readonly protocol: string
  close(): void
}

/** Opens a subscription, and resolves when it is told that it has one; rejects when it is not let in. */
export async function subscribe(
  url: string,
  options: { token?: string; headers?: Record<string, string> } = {},
): Promise<Subscriber> {
  const protocols = options.token === undefined ? [] : [`persql.bearer.${options.token}`]
  const ws = new WebSocket(url.replace(/^http/, 'ws'), { protocols, headers: options.headers ?? {} })
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
    ws.onerror = () => reject(new Error('not let in'))
  })
  const until = (fits: (message: Message) => boolean, timeoutMs = 10_000) =>
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
