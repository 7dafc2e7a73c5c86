import {
  type Api,
  type ApprovalHit,
  type ApprovalRequest,
  type Change,
  type Delivery,
  type Listed,
  type Paging,
  type Parsed,
  PerSQLError,
  type Webhook,
} from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../../clock.ts'
import { compareKeys, listPage } from '../../../paging.ts'
import { limitReached } from '../../../storage/limit-reached.ts'
import { randomText } from '../../../token.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { concerns } from '../change-feed/table-filter.ts'
import type { Posted } from './deliver.ts'

type Fields = Pick<Parsed<Api['create_webhook']>, 'name' | 'url' | 'tables' | 'events' | 'enabled'>

/** A webhook as it is stored. */
export interface StoredWebhook extends Fields {
  readonly id: string
  readonly secret: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly failingSinceMs: number | null
  readonly disabledReason: string | null
}

/** The content of a delivery, without its ID, time and database. */
export type WebhookEvent = RowChange | ApprovalEvent
export interface RowChange extends Change {
  readonly type: 'row.change'
}
/** A write needs approval, or its request was resolved. */
export interface ApprovalEvent {
  readonly type: 'approval_required' | 'approval_resolved'
  readonly approvalToken: string
  readonly status: ApprovalRequest['status']
  readonly askedBy: string
  readonly decidedBy: string | null
  readonly tables: readonly string[]
  readonly hits: readonly ApprovalHit[]
  readonly expiresAt: string
}

/** A delivery that is pending or finished. */
export interface StoredDelivery {
  readonly id: string
  readonly webhookId: string
  /** The body, which is the same for every attempt. */
  readonly body: string
  readonly status: Delivery['status']
  readonly attempts: number
  readonly createdAtMs: number
  readonly nextAtMs: number | null
  readonly lastAtMs: number | null
  readonly last: Omit<Posted, 'delivered'> | null
}

const BY_ID = {
  name: 'webhooks',
  key: z.tuple([z.string()]),
  toKey: ({ id }: StoredWebhook): [string] => [id],
  compare: compareKeys,
}
const HOOK = 'webhook/'
const DUE = 'webhook-due/'
const LOG = 'webhook-log/'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [HOOK, DUE, LOG]
const MAX_WEBHOOKS = 50
const MAX_LOG = 100
/**
 * Above this number of pending deliveries, a row change is skipped if one with the same table and kind is already
 * pending.
 */
const MAX_DUE = 1_000

/**
 * Webhooks and their deliveries: `webhook/<id>`, `webhook-due/<id>/<delivery>` for pending deliveries, written in the
 * transaction of the change, and `webhook-log/<id>/<delivery>` for delivered and failed ones.
 */
export class WebhookStore {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #hooks: readonly StoredWebhook[] | undefined
  readonly #waiting = new Map<string, number>()
  #number = 0

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /** Clears the cache; called after the content of the database was deleted or replaced. */
  forget(): void {
    this.#hooks = undefined
    this.#waiting.clear()
  }

  list(): readonly StoredWebhook[] {
    this.#hooks ??= [...this.#kv.list<StoredWebhook>({ prefix: HOOK })].map(([, hook]) => hook)
    return this.#hooks
  }

  /** Returns a page, sorted by ID. @throws PerSQLError `invalid_input` for an invalid cursor */
  page(paging: Paging): Listed<StoredWebhook> {
    return listPage(BY_ID, paging, this.list())
  }

  /** @throws PerSQLError `webhook_not_found` */
  get(id: string): StoredWebhook {
    const hook = this.find(id)
    if (!hook) throw new PerSQLError('webhook_not_found', { id })
    return hook
  }

  find(id: string): StoredWebhook | undefined {
    return this.list().find((hook) => hook.id === id)
  }

  /** @throws PerSQLError `limit_reached` */
  create(fields: Fields, nowMs: number): StoredWebhook {
    if (this.list().length >= MAX_WEBHOOKS) {
      throw limitReached(MAX_WEBHOOKS, 'webhooks')
    }
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs, failingSinceMs: null, disabledReason: null }
    return this.put({ ...fields, id: `whk_${randomText(16)}`, secret: newSecret(), ...times })
  }

  put(hook: StoredWebhook): StoredWebhook {
    this.#ownPages.around(() => this.#kv.put(HOOK + hook.id, hook))
    this.#hooks = undefined
    return hook
  }

  delete(id: string): void {
    this.#ownPages.around(() => {
      this.#kv.delete(HOOK + id)
      for (const prefix of [DUE, LOG]) {
        for (const [key] of [...this.#kv.list({ prefix: `${prefix}${id}/` })]) this.#kv.delete(key)
      }
    })
    this.forget()
  }

  /**
   * Queues an event for all webhooks that subscribe to it, in the transaction of the event. Returns the IDs of these
   * webhooks.
   */
  queue(event: WebhookEvent, database: string, nowMs: number): string[] {
    const hooks = this.list().filter((hook) => hook.enabled && wants(hook, event))
    return hooks.filter((hook) => this.#queueFor(hook.id, event, database, nowMs)).map(({ id }) => id)
  }

  #queueFor(webhookId: string, event: WebhookEvent, database: string, nowMs: number): boolean {
    const waiting = this.#waiting.get(webhookId) ?? this.due(webhookId).length
    if (waiting >= MAX_DUE && this.due(webhookId).some(({ body }) => covers(body, event))) return false
    const id = this.newId(nowMs)
    const { type, ...about } = event
    const body = JSON.stringify({ id, type, ts: toIso(nowMs), database, ...about })
    const fresh = { status: 'pending', attempts: 0, createdAtMs: nowMs, nextAtMs: nowMs, lastAtMs: null } as const
    this.putDue({ id, webhookId, body, ...fresh, last: null })
    this.#waiting.set(webhookId, waiting + 1)
    return true
  }

  /** Returns a new ID. IDs sort by creation time. */
  newId(nowMs: number): string {
    this.#number = (this.#number + 1) % 10_000
    return `evt_${String(nowMs).padStart(13, '0')}${String(this.#number).padStart(4, '0')}${randomText(8)}`
  }

  due(webhookId: string): StoredDelivery[] {
    return [...this.#kv.list<StoredDelivery>({ prefix: `${DUE}${webhookId}/` })].map(([, delivery]) => delivery)
  }

  putDue(delivery: StoredDelivery): StoredDelivery {
    this.#ownPages.around(() => {
      this.#kv.put(`${DUE}${delivery.webhookId}/${delivery.id}`, delivery)
      this.#kv.delete(`${LOG}${delivery.webhookId}/${delivery.id}`)
    })
    return delivery
  }

  /** Returns whether a delivery is still pending; it is gone if its webhook was deleted. */
  isDue({ webhookId, id }: StoredDelivery): boolean {
    return this.#kv.get(`${DUE}${webhookId}/${id}`) !== undefined
  }

  /** Moves a delivered or failed delivery to the log. */
  finish(delivery: StoredDelivery): void {
    const logPrefix = `${LOG}${delivery.webhookId}/`
    this.#ownPages.around(() => {
      this.#kv.delete(`${DUE}${delivery.webhookId}/${delivery.id}`)
      this.#kv.put(logPrefix + delivery.id, delivery)
      const keys = [...this.#kv.list({ prefix: logPrefix })].map(([key]) => key)
      for (const key of keys.slice(0, Math.max(0, keys.length - MAX_LOG))) this.#kv.delete(key)
    })
    const waiting = this.#waiting.get(delivery.webhookId)
    if (waiting !== undefined) this.#waiting.set(delivery.webhookId, waiting - 1)
  }

  /** Returns the deliveries of a webhook, newest first. */
  deliveries(webhookId: string, limit: number): StoredDelivery[] {
    const logged = [...this.#kv.list<StoredDelivery>({ prefix: `${LOG}${webhookId}/` })].map(([, each]) => each)
    return [...logged, ...this.due(webhookId)].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit)
  }

  /** @throws PerSQLError `delivery_not_found` */
  delivery(webhookId: string, id: string): StoredDelivery {
    const known = [DUE, LOG].map((prefix) => this.#kv.get<StoredDelivery>(`${prefix}${webhookId}/${id}`))
    const delivery = known.find((each) => each !== undefined)
    if (!delivery) throw new PerSQLError('delivery_not_found', { id })
    return delivery
  }
}

export const newSecret = (): string => `whsec_${randomText(64)}`

/**
 * Returns whether a webhook subscribes to an event. A change of unknown kind matches every subscription to row changes,
 * and a change of all tables matches every webhook.
 */
function wants({ tables, events }: StoredWebhook, event: WebhookEvent): boolean {
  if (event.type !== 'row.change') {
    const about = event.tables.some((table) => concerns(tables)({ table, kind: 'unknown' }))
    return about && (events === null || events.includes(event.type))
  }
  if (!concerns(tables)(event)) return false
  if (events === null || event.table === '*') return true
  if (event.kind !== 'unknown') return events.includes(event.kind)
  return ROWS.some((kind) => events.includes(kind))
}
const ROWS = ['insert', 'update', 'delete'] as const

function covers(body: string, event: WebhookEvent): boolean {
  if (event.type !== 'row.change') return false
  const { type, table, kind } = JSON.parse(body) as RowChange
  return type === event.type && table === event.table && kind === event.kind
}

/** Returns a webhook in its wire form. */
export const toWebhook = ({ createdAtMs, updatedAtMs, failingSinceMs, ...hook }: StoredWebhook): Webhook => ({
  ...hook,
  createdAt: toIso(createdAtMs),
  updatedAt: toIso(updatedAtMs),
  failingSince: toIso(failingSinceMs),
})

/** Returns a delivery in its wire form. */
export const toDelivery = (stored: StoredDelivery): Delivery => ({
  id: stored.id,
  status: stored.status,
  event: JSON.parse(stored.body) as Delivery['event'],
  attempts: stored.attempts,
  createdAt: toIso(stored.createdAtMs),
  nextAttemptAt: toIso(stored.nextAtMs),
  lastAttemptAt: toIso(stored.lastAtMs),
  responseStatus: stored.last?.responseStatus ?? null,
  error: stored.last?.error ?? null,
  durationMs: stored.last?.durationMs ?? null,
})
