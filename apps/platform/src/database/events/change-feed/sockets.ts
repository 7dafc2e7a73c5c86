import { type Change, PerSQLError } from '@persql/contract'
import { randomText } from '../../../token.ts'
import type { Grant } from '../../calls/call.ts'
import type { DatabaseQuotas } from '../../metering/quotas.ts'
import type { RevokedKeys } from '../../metering/revoked-keys.ts'
import type { ChangeFeed, FeedEvent } from './feed.ts'
import { concerns, type Tables, within } from './table-filter.ts'

/** The subscription of a socket, which the runtime stores with the socket while the object hibernates. */
interface Subscription {
  readonly tokenId: string
  readonly secretId?: string | undefined
  readonly scope: Tables
  readonly expiresAtMs: number | null
  readonly tables: Tables
}
interface Ticket extends Subscription {
  readonly cursor: string | undefined
}
interface Socket {
  readonly subscription: Subscription
  readonly wants: (change: Change) => boolean
  /** Messages received in the current window. */
  got: number
  windowMs: number
}

/** The database services that sockets use. */
export interface SocketsOptions {
  readonly ctx: DurableObjectState
  readonly feed: ChangeFeed
  readonly now: () => number
  readonly revoked: RevokedKeys
  readonly quotas: DatabaseQuotas
  /** Schedules `sweep`. */
  readonly sweepAt: (atMs: number) => void
}

/** Close codes and reasons that clients receive. */
export const CLOSED = {
  tooLarge: [1009, 'message_too_large'],
  tooMany: [1008, 'too_many_messages'],
  unknown: [4401, 'token_unknown'],
  gone: [4404, 'database_not_found'],
} as const

const MAX_MESSAGE = 16_384
/** The runtime limits the size of the data it stores with a hibernating socket. */
const MAX_KEPT = 14_000
const MAX_MESSAGES = 100
const WINDOW_MS = 10_000
const TICKET_MS = 10_000
/** Members must reconnect after this time, so a removed member stops receiving events. */
const MEMBER_MS = 15 * 60 * 1000
/** Interval of token checks while the database has no writes. */
const CHECK_MS = 10 * 60 * 1000

/** The WebSockets that receive changes. They survive the hibernation of the object. */
export class ChangeSockets {
  readonly #options: SocketsOptions
  readonly #tickets = new Map<string, Ticket>()
  readonly #sockets = new Map<WebSocket, Socket>()
  /** The last event as JSON, which is the same for all subscribers. */
  #last: { readonly event: FeedEvent; readonly text: string } | undefined
  #leave: (() => void) | undefined

  constructor(options: SocketsOptions) {
    this.#options = options
    for (const ws of options.ctx.getWebSockets()) {
      const subscription = ws.deserializeAttachment() as Subscription | null
      if (subscription) this.#add(ws, subscription)
    }
  }

  /** Returns a ticket that opens one socket. @throws PerSQLError `quota_exceeded` or `invalid_input` */
  issueTicket(
    { tokenId, secretId, tableScope, expiresAtMs }: Grant,
    wanted: Tables,
    cursor: string | undefined,
  ): string {
    const { ctx, now, quotas } = this.#options
    const used = ctx.getWebSockets().length + this.#tickets.size
    if (used >= quotas.limits.subscriptions) throw quotas.exceeded('subscriptions', used)
    const endsAtMs = tokenId.startsWith('user:') ? now() + MEMBER_MS : expiresAtMs
    const tables = within(wanted, tableScope)
    const ticket: Ticket = { tokenId, secretId, scope: tableScope, expiresAtMs: endsAtMs, tables, cursor }
    if (!isKept(ticket)) throw new PerSQLError('invalid_input', { problem: TOO_MANY_TABLES })
    const key = randomText(24)
    this.#tickets.set(key, ticket)
    setTimeout(() => this.#tickets.delete(key), TICKET_MS)
    return key
  }

  /** Accepts the upgrade and sends missed events first. */
  open(key: string | null): Response {
    const { ctx, feed, now, sweepAt } = this.#options
    const ticket = this.#tickets.get(key ?? '')
    if (!ticket) return new Response(null, { status: 403 })
    this.#tickets.delete(key ?? '')
    const { cursor, ...subscription } = ticket
    const { 0: client, 1: server } = new WebSocketPair()
    ctx.acceptWebSocket(server)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'))
    server.serializeAttachment(subscription)
    this.#add(server, subscription)
    sweepAt(Math.min(subscription.expiresAtMs ?? Number.POSITIVE_INFINITY, now() + CHECK_MS))
    const missed = cursor === undefined ? [] : feed.since(cursor)
    send(server, { type: 'subscribed', tables: subscription.tables ?? '*', cursor: cursor ?? feed.cursor })
    this.#send(server, missed)
    return new Response(null, { status: 101, webSocket: client })
  }

  /** Handles a message from a client. */
  take(ws: WebSocket, message: string | ArrayBuffer): void {
    const socket = this.#sockets.get(ws)
    if (!socket) return
    const nowMs = this.#options.now()
    if (nowMs - socket.windowMs > WINDOW_MS) Object.assign(socket, { got: 0, windowMs: nowMs })
    if (typeof message !== 'string' || message.length > MAX_MESSAGE) this.#close(ws, CLOSED.tooLarge)
    else if (++socket.got > MAX_MESSAGES) this.#close(ws, CLOSED.tooMany)
    else if (message === 'ping') ws.send('pong')
    else send(ws, this.#answer(ws, socket, parseMessage(message)))
  }

  #answer(ws: WebSocket, socket: Socket, wish: ReturnType<typeof parseMessage>): object {
    if (wish === 'ping') return { type: 'pong' }
    if (wish === undefined) return { type: 'error', message: UNDERSTOOD }
    const tables = within(wish, socket.subscription.scope)
    const subscription = { ...socket.subscription, tables }
    if (!isKept(subscription)) return { type: 'error', message: TOO_MANY_TABLES }
    ws.serializeAttachment(subscription)
    this.#sockets.set(ws, { ...socket, subscription, wants: concerns(tables) })
    return { type: 'subscribed', tables: tables ?? '*', cursor: this.#options.feed.cursor }
  }

  /** Handles the closing frame of a client, which waits for the response. */
  leave(ws: WebSocket, code: number): void {
    // Codes that describe a lost connection can't be sent.
    this.#close(ws, [code === 1000 || code >= 3000 ? code : 1000, ''])
  }

  /** Removes a socket whose connection is closed. */
  drop(ws: WebSocket): void {
    this.#sockets.delete(ws)
    if (this.#sockets.size > 0) return
    this.#leave?.()
    this.#leave = undefined
  }

  /** Returns the IDs of the secrets that opened subscriptions. Members have none. */
  keys(): string[] {
    const keys = [...this.#sockets.values()].map(({ subscription: { secretId, tokenId } }) => secretId ?? tokenId)
    return [...new Set(keys)].filter((key) => !key.startsWith('user:'))
  }

  /** Closes sockets whose token is no longer valid. Returns the time of the next sweep. */
  sweep(): number | undefined {
    const { revoked, now } = this.#options
    let next: number | undefined
    for (const [ws, { subscription }] of [...this.#sockets]) {
      if (!revoked.isTokenValid(subscription, now())) this.#close(ws, CLOSED.unknown)
      else next = Math.min(next ?? now() + CHECK_MS, subscription.expiresAtMs ?? Number.POSITIVE_INFINITY)
    }
    return next
  }

  /** Closes all sockets: the database was deleted. */
  end(): void {
    for (const ws of [...this.#sockets.keys()]) this.#close(ws, CLOSED.gone)
  }

  #add(ws: WebSocket, subscription: Subscription): void {
    this.#sockets.set(ws, { subscription, wants: concerns(subscription.tables), got: 0, windowMs: 0 })
    this.#leave ??= this.#options.feed.listen((events) => {
      for (const socket of [...this.#sockets.keys()]) this.#send(socket, events)
    })
  }

  #send(ws: WebSocket, events: readonly FeedEvent[]): void {
    const { wants, subscription } = this.#sockets.get(ws) as Socket
    const { revoked, now } = this.#options
    if (!revoked.isTokenValid(subscription, now())) {
      this.#close(ws, CLOSED.unknown)
      return
    }
    try {
      for (const event of events) if (wants(event)) ws.send(this.#formatEvent(event))
    } catch {
      // The socket is closing. The client gets missed events when it reconnects with its cursor.
      this.drop(ws)
    }
  }

  #formatEvent(event: FeedEvent): string {
    if (this.#last?.event !== event) {
      const { table, kind, seq } = event
      const text = JSON.stringify({ type: 'change', table, kind, cursor: this.#options.feed.cursorAt(seq) })
      this.#last = { event, text }
    }
    return this.#last.text
  }

  #close(ws: WebSocket, [code, reason]: readonly [number, string]): void {
    this.drop(ws)
    try {
      // The runtime can delay the end of the connection after the closing frame, and some clients wait for that.
      if (reason) send(ws, { type: 'error', message: reason })
      ws.close(code, reason)
    } catch {
      // The socket is already closed.
    }
  }
}

const UNDERSTOOD = 'Supported messages: {"type":"set-tables","tables":[…] or "*"} and {"type":"ping"}.'
const TOO_MANY_TABLES = 'Too many tables for one subscription. Subscribe to all tables instead.'

/** Parses the tables that a client subscribes to; `undefined` for an invalid message. */
function parseMessage(message: string): Tables | 'ping' | undefined {
  try {
    const { type, tables } = JSON.parse(message) as { type?: unknown; tables?: unknown }
    if (type === 'ping') return 'ping'
    if (type !== 'set-tables') return undefined
    if (tables === '*' || (Array.isArray(tables) && tables.includes('*'))) return null
    const named = Array.isArray(tables) && tables.every((name) => typeof name === 'string')
    return named ? (tables as string[]) : undefined
  } catch {
    return undefined
  }
}

const isKept = (subscription: Subscription) => JSON.stringify(subscription).length <= MAX_KEPT

function send(ws: WebSocket, message: object): void {
  ws.send(JSON.stringify(message))
}

/** Returns the timer that closes sockets whose tokens are no longer valid. */
export const timers = (services: {
  readonly sockets: ChangeSockets
  readonly revocations: { check(): Promise<void> }
}) => ({
  sockets: async () => {
    await services.revocations.check()
    return services.sockets.sweep()
  },
})
