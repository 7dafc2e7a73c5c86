import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { namespaceAt } from '../../remote.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { IdentityStore } from '../identity.ts'

/** An audit event of a database, for the audit log of its namespace. */
export interface AuditEvent {
  /** Increases with each event of a database, so the namespace recognizes events that it has already recorded. */
  readonly number: number
  readonly atMs: number
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/** The calls of an outbox to its namespace, which stores the audit log. */
export interface AuditCalls {
  recordAuditEvents(databaseId: string, events: readonly AuditEvent[]): Promise<void>
}

/** The database services that the outbox uses. */
export interface OutboxOptions {
  readonly ctx: DurableObjectState
  readonly env: Env
  readonly ownPages: SystemStorage
  readonly identity: IdentityStore
  readonly deliverAt: (atMs: number) => void
}

type NewAuditEvent = [actor: string, action: string, target: string, detail: AuditEvent['detail']]

/** Records an action for the audit log of the namespace. */
export type Audit = (...event: NewAuditEvent) => void

/** Retry interval for events that did not reach the namespace. */
const AGAIN_MS = 10_000
// Names in storage, which stay as they are.
const PREFIX = 'deed/'
const NUMBER = 'deeds'
const TIMER = 'deeds'

/**
 * Stores audit events in the transaction of the action until the namespace has recorded them, so neither exists without
 * the other.
 */
export class AuditOutbox {
  readonly #options: OutboxOptions
  readonly #kv: SyncKvStorage

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#kv = options.ctx.storage.kv
  }

  /** Stores an event and delivers it in the background. */
  note(...event: NewAuditEvent): void {
    this.keep(...event)
    this.#options.ctx.waitUntil(
      this.deliver().catch(() => {
        // The timer retries.
      }),
    )
  }

  /** Stores an event in a transaction that can still be rolled back; the timer delivers it. */
  keep(actor: string, action: string, target: string, detail: AuditEvent['detail']): void {
    const { ownPages, identity, deliverAt } = this.#options
    const atMs = now()
    ownPages.around(() => {
      const number = (this.#kv.get<number>(NUMBER) ?? 0) + 1
      this.#kv.put(NUMBER, number)
      const event = { number, atMs, actor, action, target: `${identity.current?.slug}/${target}`, detail }
      this.#kv.put(toKey(number), event satisfies AuditEvent)
      deliverAt(atMs + AGAIN_MS)
    })
  }

  /** Delivers the events that the namespace has not recorded yet. */
  async deliver(): Promise<void> {
    const { env, ownPages } = this.#options
    const identity = this.#options.identity.current
    const events = [...this.#kv.list<AuditEvent>({ prefix: PREFIX, limit: 100 })].map(([, event]) => event)
    if (events.length === 0 || !identity) return
    await namespaceAt<AuditCalls>(env, identity.namespace).recordAuditEvents(identity.id, events)
    ownPages.around(() => {
      for (const { number } of events) this.#kv.delete(toKey(number))
    })
  }
}

const toKey = (number: number) => PREFIX + String(number).padStart(12, '0')

/** Returns the timer that retries to deliver audit events. */
export const timers = (services: { readonly outbox: AuditOutbox }) => ({
  [TIMER]: () => services.outbox.deliver(),
})
