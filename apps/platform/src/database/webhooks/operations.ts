import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { actorOf, type DatabaseCall, type WebhookOperation } from '../call.ts'
import { within } from '../feed/tables.ts'
import type { Run } from '../operations.ts'
import { done, donePage } from '../outcome.ts'
import { deliveryOf, newSecret, webhookOf } from './store.ts'

/** Webhooks, and what was posted to them. Bodies are validated input. */
export const webhookOperations: Record<WebhookOperation, Run> = {
  list_webhooks: (call, { webhookStore }) =>
    donePage(mapPage(webhookStore.page(inputOf<'list_webhooks'>(call)), webhookOf)),

  create_webhook(call, { webhookStore, audit, now, webhookProblem }) {
    const { name, url, tables, events, enabled } = inputOf<'create_webhook'>(call)
    checkUrl(webhookProblem(url))
    checkTables(tables, call)
    const hook = webhookStore.create({ name, url, tables, events, enabled }, now())
    audit(actorOf(call.grant), 'webhook.created', hook.id, { name, url: new URL(url).origin })
    return done(webhookOf(hook))
  },

  get_webhook: (call, { webhookStore }) => done(webhookOf(webhookStore.get(inputOf<'get_webhook'>(call).id))),

  update_webhook: (call, { webhookStore, audit, now, webhookProblem }) => {
    const { id, name, url, tables, events, enabled } = inputOf<'update_webhook'>(call)
    const known = webhookStore.get(id)
    const given = Object.entries({ name, url, tables, events, enabled }).filter(([, value]) => value !== undefined)
    if (url !== undefined) checkUrl(webhookProblem(url))
    const fresh = enabled ? { failingSinceMs: null, disabledReason: null } : {}
    const hook = webhookStore.put({ ...known, ...Object.fromEntries(given), ...fresh, updatedAtMs: now() })
    audit(actorOf(call.grant), 'webhook.updated', id, { name: hook.name, url: new URL(hook.url).origin })
    return done(webhookOf(hook))
  },

  delete_webhook: (call, { webhookStore, audit }) => {
    const { id, name } = webhookStore.get(inputOf<'delete_webhook'>(call).id)
    webhookStore.delete(id)
    audit(actorOf(call.grant), 'webhook.deleted', id, { name })
    return done({ deleted: true })
  },

  rotate_webhook_secret: (call, { webhookStore, audit, now }) => {
    const known = webhookStore.get(inputOf<'rotate_webhook_secret'>(call).id)
    const hook = webhookStore.put({ ...known, secret: newSecret(), updatedAtMs: now() })
    audit(actorOf(call.grant), 'webhook.secret_rotated', hook.id, { name: hook.name })
    return done(webhookOf(hook))
  },

  test_webhook: async (call, { webhookStore, webhooks }) => {
    return done(await webhooks.test(webhookStore.get(inputOf<'test_webhook'>(call).id)))
  },

  list_deliveries: (call, { webhookStore }) => {
    const { id, limit } = inputOf<'list_deliveries'>(call)
    return done(webhookStore.deliveries(webhookStore.get(id).id, limit).map(deliveryOf))
  },

  replay_delivery: (call, { webhookStore, webhooks }) => {
    const { id, deliveryId } = inputOf<'replay_delivery'>(call)
    return done(deliveryOf(webhooks.replay(webhookStore.delivery(webhookStore.get(id).id, deliveryId))))
  },
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

const inputOf = <K extends WebhookOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
