import { toIso } from '../../../clock.ts'
import { type Posted, post, type Send } from './deliver.ts'
import type { StoredDelivery, StoredWebhook, WebhookEvent, WebhookStore } from './store.ts'

/** What webhooks need of their database. */
export interface WebhooksOptions {
  readonly store: WebhookStore
  readonly now: () => number
  readonly send: Send
  /** `namespace:database`. */
  readonly name: () => string
  readonly sweepAt: (atMs: number) => void
  /** Notes what PerSQL did by itself. */
  readonly audit: (action: string, target: string, detail: { reason: string }) => void
}

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
/** How long after each failed attempt the next one is made: a day in all, and then it is given up. */
const BACKOFF_MS = [
  ...[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR],
]
/** One that has taken nothing for so long is turned off. */
const GIVE_UP_MS = 3 * 24 * HOUR
const AT_ONCE = 4
/** The alarm that posts goes on for so long, and is set anew for the rest. */
const SHIFT_MS = 15_000
const GONE = 410

/** Posts what waits: each webhook by itself, so that a slow one holds up no other. */
export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #lanes = new Map<string, Promise<void>>()
  #untilMs = 0

  constructor(options: WebhooksOptions) {
    this.#options = options
  }

  /** To be called in the turn, and so in the transaction, of what the events tell of. */
  announce(events: readonly WebhookEvent[]): void {
    const { store, name, now, sweepAt } = this.#options
    const webhookIds = new Set(events.flatMap((event) => store.queue(event, name(), now())))
    if (webhookIds.size === 0) return
    sweepAt(now())
    if (this.#lanes.size > 0) for (const id of webhookIds) this.#open(id)
  }

  /** Queues something again that was posted before, or waits. */
  replay(delivery: StoredDelivery): StoredDelivery {
    const { store, now, sweepAt } = this.#options
    sweepAt(now())
    return store.putDue({ ...delivery, status: 'pending', attempts: 0, nextAtMs: now() })
  }

  /** Posts something of its own to see what comes of it. */
  test(hook: StoredWebhook): Promise<Posted> {
    const { store, now, name, send } = this.#options
    const [id, nowMs] = [store.newId(now()), now()]
    const event = { id, type: 'test', ts: toIso(nowMs), database: name() }
    return post(send, hook, { id, body: JSON.stringify(event), nowMs })
  }

  /** Posts what is due, and sees to being called again for the rest. */
  async sweep(): Promise<void> {
    const { store, sweepAt, now } = this.#options
    this.#untilMs = performance.now() + SHIFT_MS
    for (const { id } of store.list()) this.#open(id)
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values())
    const next = store
      .list()
      .filter(({ enabled }) => enabled)
      .flatMap(({ id }) => store.due(id))
      .map(({ nextAtMs }) => nextAtMs as number)
    if (next.length > 0) sweepAt(Math.max(Math.min(...next), now()))
  }

  #open(webhookId: string): void {
    if (this.#lanes.has(webhookId)) return
    const lane = this.#work(webhookId).finally(() => this.#lanes.delete(webhookId))
    this.#lanes.set(webhookId, lane)
  }

  async #work(webhookId: string): Promise<void> {
    const { store, now } = this.#options
    while (performance.now() < this.#untilMs) {
      const hook = store.find(webhookId)
      if (!hook?.enabled) return
      const due = store.due(webhookId).filter(({ nextAtMs }) => (nextAtMs as number) <= now())
      if (due.length === 0) return
      await Promise.all(due.slice(0, AT_ONCE).map((delivery) => this.#attempt(hook, delivery)))
    }
  }

  async #attempt(hook: StoredWebhook, delivery: StoredDelivery): Promise<void> {
    const { store, now, send } = this.#options
    const { delivered, ...last } = await post(send, hook, { id: delivery.id, body: delivery.body, nowMs: now() })
    if (!store.isDue(delivery)) return
    const nowMs = now()
    const tried = { ...delivery, attempts: delivery.attempts + 1, lastAtMs: nowMs, last }
    const delay = BACKOFF_MS[delivery.attempts]
    if (delivered) store.finish({ ...tried, status: 'delivered', nextAtMs: null })
    else if (delay === undefined) store.finish({ ...tried, status: 'failed', nextAtMs: null })
    else store.putDue({ ...tried, nextAtMs: nowMs + delay * (0.8 + 0.4 * Math.random()) })
    this.#judge(delivery.webhookId, last.responseStatus, delivered, nowMs)
  }

  /** Notes how a webhook is doing, and turns off one that is gone. */
  #judge(webhookId: string, status: number | null, delivered: boolean, nowMs: number): void {
    const { store, audit } = this.#options
    const hook = store.find(webhookId)
    if (!hook?.enabled) return
    if (delivered) {
      if (hook.failingSinceMs !== null) store.put({ ...hook, failingSinceMs: null })
      return
    }
    const failingSinceMs = hook.failingSinceMs ?? nowMs
    const reason =
      status === GONE
        ? 'The URL responded with 410 Gone.'
        : nowMs - failingSinceMs >= GIVE_UP_MS
          ? 'No delivery succeeded for three days.'
          : undefined
    if (reason === undefined) {
      if (hook.failingSinceMs === null) store.put({ ...hook, failingSinceMs })
      return
    }
    store.put({ ...hook, failingSinceMs, enabled: false, disabledReason: reason })
    for (const delivery of store.due(webhookId)) {
      store.finish({ ...delivery, status: 'failed', nextAtMs: null })
    }
    audit('webhook.disabled', webhookId, { reason })
  }
}

/** Returns the timer that posts deliveries. */
export const timers = (services: { readonly webhooks: Webhooks }) => ({
  webhooks: () => services.webhooks.sweep(),
})
