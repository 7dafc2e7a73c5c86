/** The kind of a change. `unknown` means any of the others, or possibly no change. */
export type ChangeKind = 'insert' | 'update' | 'delete' | 'schema' | 'unknown'

/** A change of the rows or the schema of a table. Table `*` means that any table may have changed. */
export interface Change {
  type: 'change'
  table: string
  kind: ChangeKind
  /** The position after this change, for `cursor` of a later subscription. */
  cursor: string
}

/** The changes that `waitForChanges` returns. */
export interface Changes {
  changes: { table: string; kind: ChangeKind }[]
  /** Pass it to the next call to get all changes since this one. */
  cursor: string
  timedOut: boolean
}

/** The events of a webhook. */
export type WebhookEventName = 'insert' | 'update' | 'delete' | 'schema' | 'approval_required' | 'approval_resolved'

/** The fields of a webhook. */
export interface WebhookSpec {
  name: string
  /** Must be https and resolve to a public IP address. */
  url: string
  /** The tables whose changes are delivered; `null` for all. */
  tables?: string[] | null
  /** `null` means all. */
  events?: WebhookEventName[] | null
  enabled?: boolean
}

/** A URL to which the changes of a database are delivered. */
export interface Webhook extends Required<WebhookSpec> {
  id: string
  /** The signing secret, for `verifyWebhook` of `@persql/sdk/webhooks`. */
  secret: string
  createdAt: string
  updatedAt: string
  /** The time of the first failure since the last successful delivery. */
  failingSince: string | null
  /** The reason why PerSQL disabled it. */
  disabledReason: string | null
}

/** The result of a test delivery. */
export interface WebhookTest {
  delivered: boolean
  responseStatus: number | null
  error: string | null
  durationMs: number
}

/** A delivery: pending, delivered or failed. */
export interface Delivery {
  id: string
  status: 'pending' | 'delivered' | 'failed'
  event: { type: string; table?: string; kind?: ChangeKind; [more: string]: unknown }
  attempts: number
  createdAt: string
  nextAttemptAt: string | null
  lastAttemptAt: string | null
  /** The response status of the last attempt. */
  responseStatus: number | null
  error: string | null
  durationMs: number | null
}

/** A statement that runs at an interval. */
export interface Schedule {
  id: string
  name: string
  sql: string
  /** Parameters as JSON, with bytes as base64. */
  params: JsonParam[] | Record<string, JsonParam>
  intervalSec: number
  enabled: boolean
  createdAt: string
  updatedAt: string
  /** `null` if it is disabled. */
  nextRunAt: string | null
  lastRunAt: string | null
  lastStatus: 'ok' | 'error' | null
  lastError: string | null
  lastDurationMs: number | null
  lastRowsRead: number | null
  lastRowsWritten: number | null
}

/** A value for a placeholder as the API shows it. */
export type JsonParam = string | number | boolean | null | { base64: string } | { int64: string }
