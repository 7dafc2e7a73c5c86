import { toIso } from '../../../clock.ts'
import { type Posted, post, type Send } from './deliver.ts'
import type { StoredDelivery, StoredWebhook, WebhookEvent, WebhookStore } from './store.ts'

/** The database services that webhooks use. */
export interface WebhooksOptions {
  readonly store: WebhookStore
  readonly now: () => number
  readonly send: Send
  /** `namespace:database`. */
  readonly name: () => string
  readonly sweepAt: (atMs: number) => void
  /** Records an action of PerSQL itself in the audit log. */
  readonly audit: (action: string, target: string, detail: { reason: string }) => void
}

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
/** Delays after failed attempts. Together they last about a day; then the delivery has failed. */
const BACKOFF_MS = [
  ...[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR],
]
/** Time without a successful delivery after which a webhook is disabled. */
const GIVE_UP_MS = 3 * 24 * HOUR
const AT_ONCE = 4
/** Maximum duration of one sweep; another alarm handles the remaining deliveries. */
const SHIFT_MS = 15_000
const GONE = 410

/** Sends pending deliveries. Each webhook has its own lane, so a slow receiver doesn't delay others. */
export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #lanes = new Map<string, Promise<void>>()
  #untilMs = 0

  constructor(options: WebhooksOptions) {
    this.#options = options
  }

  /** Queues deliveries for events. Called in the turn, and so in the transaction, of the events. */
  announce(events: readonly WebhookEvent[]): void {
    this.send(this.queue(events))
  }

  /** Queues deliveries for events in their transaction. Returns the webhooks, to call `send` after it. */
  queue(events: readonly WebhookEvent[]): ReadonlySet<string> {
    const { store, name, now, sweepAt } = this.#options
    const webhookIds = new Set(events.flatMap((event) => store.queue(event, name(), now())))
    if (webhookIds.size > 0) sweepAt(now())
    return webhookIds
  }

  /** Adds queued deliveries to a running sweep. */
  send(webhookIds: ReadonlySet<string>): void {
    if (this.#lanes.size > 0) for (const id of webhookIds) this.#open(id)
  }

  /** Queues a delivery again, with no attempts counted. */
  replay(delivery: StoredDelivery): StoredDelivery {
    const { store, now, sweepAt } = this.#options
    sweepAt(now())
    return store.putDue({ ...delivery, status: 'pending', attempts: 0, nextAtMs: now() })
  }

  /** Sends a test event and returns the outcome. */
  test(hook: StoredWebhook): Promise<Posted> {
    const { store, now, name, send } = this.#options
    const [id, nowMs] = [store.newId(now()), now()]
    const event = { id, type: 'test', ts: toIso(nowMs), database: name() }
    return post(send, hook, { id, body: JSON.stringify(event), nowMs })
  }

  /** Sends due deliveries and schedules the next sweep. */
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

  /** Records the health of a webhook, and disables one that responds 410 or has failed for too long. */
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
          ? 'No delivery succeeded for 3 days.'
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

/** Returns the timer that sends deliveries. */
export const timers = (services: { readonly webhooks: Webhooks }) => ({
  webhooks: () => services.webhooks.sweep(),
})
