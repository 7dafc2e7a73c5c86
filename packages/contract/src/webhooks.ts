import * as z from 'zod'
import { ChangeKind } from './changes.ts'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

const database = { ns: Slug, db: Slug }
const Id = z.string().regex(/^whk_[0-9A-Za-z]{16}$/, 'must be a webhook ID (whk_…)')
const address = { ...database, id: Id }

/** The events of a webhook. */
export const WebhookEventName = z.enum([
  'insert',
  'update',
  'delete',
  'schema',
  'approval_required',
  'approval_resolved',
])

const fields = {
  name: z.string().trim().min(1).max(80),
  /** Must be https and resolve to a public IP address. */
  url: z.url().max(2_000),
  /** The tables whose changes are delivered; `null` for all. */
  tables: z.array(z.string().min(1).max(200)).min(1).max(200).nullable(),
  /** `null` for all. A change of unknown kind is delivered to every webhook with a row event. */
  events: z.array(WebhookEventName).min(1).max(6).nullable(),
  enabled: z.boolean(),
}

/** A URL to which the changes of a database are delivered. */
export const Webhook = z.object({
  id: z.string(),
  ...fields,
  url: z.string(),
  /** The secret for the `X-PerSQL-Signature` of deliveries. */
  secret: z.string(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  /** The time of the first failure since the last successful delivery. */
  failingSince: Timestamp.nullable(),
  /** The reason why PerSQL disabled it. */
  disabledReason: z.string().nullable(),
})
export type Webhook = z.infer<typeof Webhook>

/** A delivery: pending, delivered or failed. */
export const Delivery = z.object({
  id: z.string(),
  status: z.enum(['pending', 'delivered', 'failed']),
  /** The delivered body, without the extra fields of approval events. */
  event: z.looseObject({ type: z.string(), table: z.string().optional(), kind: ChangeKind.optional() }),
  attempts: z.int(),
  createdAt: Timestamp,
  nextAttemptAt: Timestamp.nullable(),
  lastAttemptAt: Timestamp.nullable(),
  /** The response status of the last attempt. */
  responseStatus: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int().nullable(),
})
export type Delivery = z.infer<typeof Delivery>

const path = '/v1/db/{ns}/{db}/webhooks'
const apiPath = '/api/namespaces/{ns}/databases/{db}/webhooks'

/** Operations on webhooks and their deliveries. */
export const webhooks = {
  list_webhooks: operation({
    summary: 'List the webhooks of a database',
    route: `GET ${path}`,
    scope: 'admin',
    console: { route: `GET ${apiPath}`, role: 'editor' },
    input: z.strictObject({ ...database, ...paging }),
    output: z.array(Webhook),
    meta: PageMeta,
    errors: ['database_not_found'],
  }),

  create_webhook: operation({
    summary: 'Create a webhook that delivers changes to a URL',
    route: `POST ${path}`,
    scope: 'admin',
    scoped: true,
    console: { route: `POST ${apiPath}`, role: 'editor' },
    input: z.strictObject({
      ...database,
      ...fields,
      tables: fields.tables.default(null),
      events: fields.events.default(null),
      enabled: fields.enabled.default(true),
    }),
    output: Webhook,
    errors: ['database_not_found', 'url_not_public', 'limit_reached', 'table_out_of_scope'],
  }),

  get_webhook: operation({
    summary: 'Get a webhook',
    route: `GET ${path}/{id}`,
    scope: 'admin',
    console: { route: `GET ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  update_webhook: operation({
    summary: 'Update, disable or enable a webhook',
    route: `PATCH ${path}/{id}`,
    scope: 'admin',
    console: { route: `PATCH ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject({ ...z.object(fields).partial().shape, ...address }),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found', 'url_not_public'],
  }),

  delete_webhook: operation({
    summary: 'Delete a webhook and its pending deliveries',
    route: `DELETE ${path}/{id}`,
    scope: 'admin',
    console: { route: `DELETE ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  rotate_webhook_secret: operation({
    summary: 'Rotate the signing secret of a webhook',
    route: `POST ${path}/{id}/rotate-secret`,
    scope: 'admin',
    console: { route: `POST ${apiPath}/{id}/rotate-secret`, role: 'editor' },
    input: z.strictObject(address),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  test_webhook: operation({
    summary: 'Send a "test" event once and return the result',
    route: `POST ${path}/{id}/test`,
    scope: 'admin',
    console: { route: `POST ${apiPath}/{id}/test`, role: 'editor' },
    input: z.strictObject(address),
    output: z.object({
      delivered: z.boolean(),
      responseStatus: z.int().nullable(),
      error: z.string().nullable(),
      durationMs: z.int(),
    }),
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  list_deliveries: operation({
    summary: 'List pending and recent deliveries, newest first; the latest 100 finished ones are kept',
    route: `GET ${path}/{id}/deliveries`,
    scope: 'admin',
    console: { route: `GET ${apiPath}/{id}/deliveries`, role: 'editor' },
    input: z.strictObject({ ...address, limit: z.int().min(1).max(500).default(100) }),
    output: z.array(Delivery),
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  replay_delivery: operation({
    summary: 'Redeliver an event with its original ID',
    route: `POST ${path}/{id}/deliveries/{deliveryId}/replay`,
    scope: 'admin',
    console: { route: `POST ${apiPath}/{id}/deliveries/{deliveryId}/replay`, role: 'editor' },
    input: z.strictObject({ ...address, deliveryId: z.string().min(1).max(60) }),
    output: Delivery,
    errors: ['database_not_found', 'webhook_not_found', 'delivery_not_found'],
  }),
}
