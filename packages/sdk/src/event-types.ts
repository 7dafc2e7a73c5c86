/** What can happen to a table: `unknown` where it may have been any of them, or nothing at all. */
export type ChangeKind = 'insert' | 'update' | 'delete' | 'schema' | 'unknown'

/** Something that happened to the rows or the schema of a table. Table `*` stands for all of them: read anew. */
export interface Change {
  type: 'change'
  table: string
  kind: ChangeKind
  /** Where to go on from: `cursor` of a later subscription. */
  cursor: string
}

/** What happened while one waited. */
export interface Changes {
  changes: { table: string; kind: ChangeKind }[]
  /** Given to the next call, nothing is missed. */
  cursor: string
  timedOut: boolean
}

/** What a webhook can be told of. */
export type WebhookEventName = 'insert' | 'update' | 'delete' | 'schema' | 'approval_required' | 'approval_resolved'

/** What a webhook is made of. */
export interface WebhookSpec {
  name: string
  /** https, and leading to a public address. */
  url: string
  /** Tables whose changes are told; `null` means all. */
  tables?: string[] | null
  /** `null` means all. */
  events?: WebhookEventName[] | null
  enabled?: boolean
}

/** Where changes of a database are posted. */
export interface Webhook extends Required<WebhookSpec> {
  id: string
  /** Signs what is posted: see `verifyWebhook` of `@persql/sdk/webhooks`. */
  secret: string
  createdAt: string
  updatedAt: string
  /** Since when nothing has arrived. */
  failingSince: string | null
  /** Why PerSQL has turned it off. */
  disabledReason: string | null
}

/** What came of posting a test. */
export interface WebhookTest {
  delivered: boolean
  responseStatus: number | null
  error: string | null
  durationMs: number
}

/** Something that was, or is to be, posted. */
export interface Delivery {
  id: string
  status: 'pending' | 'delivered' | 'failed'
  event: { type: string; table?: string; kind?: ChangeKind; [more: string]: unknown }
  attempts: number
  createdAt: string
  nextAttemptAt: string | null
  lastAttemptAt: string | null
  /** What the last attempt was answered. */
  responseStatus: number | null
  error: string | null
  durationMs: number | null
}

/** A statement that runs by itself. */
export interface Schedule {
  id: string
  name: string
  sql: string
  /** As they travel: bytes as base64. */
  params: (string | number | boolean | null | { base64: string })[]
  intervalSec: number
  enabled: boolean
  createdAt: string
  updatedAt: string
  /** `null` while it is not enabled. */
  nextRunAt: string | null
  lastRunAt: string | null
  lastStatus: 'ok' | 'error' | null
  lastError: string | null
  lastDurationMs: number | null
  lastRowsRead: number | null
  lastRowsWritten: number | null
}
