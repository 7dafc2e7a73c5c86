import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { namespaceAt } from '../../remote.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { Identity } from '../identity.ts'

/** Something that was done to a database, for the audit log of its namespace. */
export interface AuditEvent {
  /** Numbers of one database only grow: the namespace knows by them what it has taken. */
  readonly number: number
  readonly atMs: number
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/** The calls of an outbox to its namespace, which keeps the audit log. */
export interface AuditCalls {
  recordAuditEvents(databaseId: string, deeds: readonly AuditEvent[]): Promise<void>
}

/** What an outbox needs of the database whose deeds it keeps. */
export interface OutboxOptions {
  readonly ctx: DurableObjectState
  readonly env: Env
  readonly ownPages: SystemStorage
  readonly identity: () => Identity | undefined
  readonly deliverAt: (atMs: number) => void
}

type NewDeed = [actor: string, action: string, target: string, detail: AuditEvent['detail']]

/** Records an action for the audit log of the namespace. */
export type Audit = (...deed: NewDeed) => void

/** Deeds that did not reach the namespace are told again after this time. */
const AGAIN_MS = 10_000
const PREFIX = 'deed/'
const NUMBER = 'deeds'

/** Keeps deeds, written with what was done, until the namespace has them: neither is without the other. */
export class AuditOutbox {
  readonly #options: OutboxOptions
  readonly #kv: SyncKvStorage

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#kv = options.ctx.storage.kv
  }

  /** Keeps a deed and tells it in the background. */
  note(...deed: NewDeed): void {
    this.keep(...deed)
    this.#options.ctx.waitUntil(
      this.deliver().catch(() => {
        // The timer tries again.
      }),
    )
  }

  /** Keeps a deed in a transaction that may still be rolled back: the timer tells it. */
  keep(actor: string, action: string, target: string, detail: AuditEvent['detail']): void {
    const { ownPages, identity, deliverAt } = this.#options
    const atMs = now()
    ownPages.around(() => {
      const number = (this.#kv.get<number>(NUMBER) ?? 0) + 1
      this.#kv.put(NUMBER, number)
      const deed = { number, atMs, actor, action, target: `${identity()?.slug}/${target}`, detail }
      this.#kv.put(keyOf(number), deed satisfies AuditEvent)
      deliverAt(atMs + AGAIN_MS)
    })
  }

  /** Tells the namespace what it does not have yet. */
  async deliver(): Promise<void> {
    const { env, ownPages } = this.#options
    const identity = this.#options.identity()
    const deeds = [...this.#kv.list<AuditEvent>({ prefix: PREFIX, limit: 100 })].map(([, deed]) => deed)
    if (deeds.length === 0 || !identity) return
    await namespaceAt<AuditCalls>(env, identity.namespace).recordAuditEvents(identity.id, deeds)
    ownPages.around(() => {
      for (const { number } of deeds) this.#kv.delete(keyOf(number))
    })
  }
}

const keyOf = (number: number) => PREFIX + String(number).padStart(12, '0')

/** Returns the timer that retries to deliver audit events. */
export const timers = (services: { readonly outbox: AuditOutbox }) => ({
  deeds: () => services.outbox.deliver(),
})
