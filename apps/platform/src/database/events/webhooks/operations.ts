import { PerSQLError } from '@persql/contract'
import { mapPage } from '../../../paging.ts'
import { type DatabaseCall, getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done, donePage } from '../../calls/outcome.ts'
import type { Audit } from '../../review/audit-outbox.ts'
import { within } from '../change-feed/table-filter.ts'
import type { Webhooks } from './delivery-worker.ts'
import { newSecret, toDelivery, toWebhook, type WebhookStore } from './store.ts'

/** The services that webhooks use. */
interface WebhookServices {
  readonly webhookStore: WebhookStore
  readonly webhooks: Webhooks
  readonly audit: Audit
  readonly now: () => number
  /** Returns why a URL is not allowed for webhooks, or `undefined` if it is allowed. */
  readonly webhookProblem: (url: string) => string | undefined
}

/** Returns the handlers of webhooks and their deliveries. */
export function operations({ webhookStore, webhooks, webhookProblem, audit, now }: WebhookServices) {
  return {
    list_webhooks: (call) => donePage(mapPage(webhookStore.page(parseInput<'list_webhooks'>(call)), toWebhook)),

    create_webhook(call) {
      const { name, url, tables, events, enabled } = parseInput<'create_webhook'>(call)
      checkUrl(webhookProblem(url))
      checkTables(tables, call)
      const hook = webhookStore.create({ name, url, tables, events, enabled }, now())
      audit(getActor(call.grant), 'webhook.created', hook.id, { name, url: new URL(url).origin })
      return done(toWebhook(hook))
    },

    get_webhook: (call) => done(toWebhook(webhookStore.get(parseInput<'get_webhook'>(call).id))),

    update_webhook: (call) => {
      const { id, name, url, tables, events, enabled } = parseInput<'update_webhook'>(call)
      const known = webhookStore.get(id)
      const given = Object.entries({ name, url, tables, events, enabled }).filter(([, value]) => value !== undefined)
      if (url !== undefined) checkUrl(webhookProblem(url))
      const fresh = enabled ? { failingSinceMs: null, disabledReason: null } : {}
      const hook = webhookStore.put({ ...known, ...Object.fromEntries(given), ...fresh, updatedAtMs: now() })
      audit(getActor(call.grant), 'webhook.updated', id, { name: hook.name, url: new URL(hook.url).origin })
      return done(toWebhook(hook))
    },

    delete_webhook: (call) => {
      const { id, name } = webhookStore.get(parseInput<'delete_webhook'>(call).id)
      webhookStore.delete(id)
      audit(getActor(call.grant), 'webhook.deleted', id, { name })
      return done({ deleted: true })
    },

    rotate_webhook_secret: (call) => {
      const known = webhookStore.get(parseInput<'rotate_webhook_secret'>(call).id)
      const hook = webhookStore.put({ ...known, secret: newSecret(), updatedAtMs: now() })
      audit(getActor(call.grant), 'webhook.secret_rotated', hook.id, { name: hook.name })
      return done(toWebhook(hook))
    },

    test_webhook: async (call) => {
      return done(await webhooks.test(webhookStore.get(parseInput<'test_webhook'>(call).id)))
    },

    list_deliveries: (call) => {
      const { id, limit } = parseInput<'list_deliveries'>(call)
      return done(webhookStore.deliveries(webhookStore.get(id).id, limit).map(toDelivery))
    },

    replay_delivery: (call) => {
      const { id, deliveryId } = parseInput<'replay_delivery'>(call)
      return done(toDelivery(webhooks.replay(webhookStore.delivery(webhookStore.get(id).id, deliveryId))))
    },
  } satisfies Handlers
}

function checkUrl(problem: string | undefined): void {
  if (problem !== undefined) throw new PerSQLError('url_not_public', { problem })
}

function checkTables(tables: readonly string[] | null, { grant }: DatabaseCall): void {
  if (grant.tableScope === null) return
  const allowed = new Set(within(tables, grant.tableScope))
  const outside = tables === null ? '*' : tables.find((table) => !allowed.has(table))
  if (outside !== undefined) throw new PerSQLError('table_out_of_scope', { table: outside })
}
