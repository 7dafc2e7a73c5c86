import * as z from 'zod'
import { ChangeKind } from './changes.ts'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Moment, Slug } from './values.ts'

const database = { ns: Slug, db: Slug }
const Id = z.string().regex(/^whk_[0-9A-Za-z]{16}$/, 'must be a webhook ID (whk_…)')
const address = { ...database, id: Id }

/** What a webhook can be told of. */
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
  /** https, and leading to a public address. */
  url: z.url().max(2_000),
  /** Tables whose changes are told; `null` means all. */
  tables: z.array(z.string().min(1).max(200)).min(1).max(200).nullable(),
  /** `null` means all. A change whose kind cannot be told goes to whoever wants any of rows. */
  events: z.array(WebhookEventName).min(1).max(6).nullable(),
  enabled: z.boolean(),
}

/** Where changes of a database are posted. */
export const Webhook = z.object({
  id: z.string(),
  ...fields,
  url: z.string(),
  /** Signs what is posted: `X-PerSQL-Signature`. */
  secret: z.string(),
  createdAt: Moment,
  updatedAt: Moment,
  /** Since when nothing has arrived. */
  failingSince: Moment.nullable(),
  /** Why PerSQL has turned it off. */
  disabledReason: z.string().nullable(),
})
export type Webhook = z.infer<typeof Webhook>

/** Something that was, or is to be, posted. */
export const Delivery = z.object({
  id: z.string(),
  status: z.enum(['pending', 'delivered', 'failed']),
  /** The body as it is posted, save for what approvals add. */
  event: z.looseObject({ type: z.string(), table: z.string().optional(), kind: ChangeKind.optional() }),
  attempts: z.int(),
  createdAt: Moment,
  nextAttemptAt: Moment.nullable(),
  lastAttemptAt: Moment.nullable(),
  /** What the last attempt was answered. */
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
    summary: 'Have changes posted to a URL',
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
    summary: 'Read one webhook',
    route: `GET ${path}/{id}`,
    scope: 'admin',
    console: { route: `GET ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  update_webhook: operation({
    summary: 'Change a webhook. One that was turned off is tried again from then on',
    route: `PATCH ${path}/{id}`,
    scope: 'admin',
    console: { route: `PATCH ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject({ ...z.object(fields).partial().shape, ...address }),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found', 'url_not_public'],
  }),

  delete_webhook: operation({
    summary: 'Delete a webhook with all that waits for it',
    route: `DELETE ${path}/{id}`,
    scope: 'admin',
    console: { route: `DELETE ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  rotate_webhook_secret: operation({
    summary: 'Sign with a new secret from now on',
    route: `POST ${path}/{id}/rotate-secret`,
    scope: 'admin',
    console: { route: `POST ${apiPath}/{id}/rotate-secret`, role: 'editor' },
    input: z.strictObject(address),
    output: Webhook,
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  test_webhook: operation({
    summary: 'Post something of type "test" now, once, and say what came of it',
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
    summary: 'List what waits for a webhook and what was posted lately, the newest first; 100 that are done are kept',
    route: `GET ${path}/{id}/deliveries`,
    scope: 'admin',
    console: { route: `GET ${apiPath}/{id}/deliveries`, role: 'editor' },
    input: z.strictObject({ ...address, limit: z.int().min(1).max(500).default(100) }),
    output: z.array(Delivery),
    errors: ['database_not_found', 'webhook_not_found'],
  }),

  replay_delivery: operation({
    summary: 'Post something again, with the id it had',
    route: `POST ${path}/{id}/deliveries/{deliveryId}/replay`,
    scope: 'admin',
    console: { route: `POST ${apiPath}/{id}/deliveries/{deliveryId}/replay`, role: 'editor' },
    input: z.strictObject({ ...address, deliveryId: z.string().min(1).max(60) }),
    output: Delivery,
    errors: ['database_not_found', 'webhook_not_found', 'delivery_not_found'],
  }),
}
