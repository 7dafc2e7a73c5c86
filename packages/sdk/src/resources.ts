import type { Delivery, Schedule, Webhook, WebhookSpec, WebhookTest } from './event-types.ts'
import type { MergeOptions, MergeReport } from './transfer-types.ts'
import type {
  Approval,
  ApprovalRule,
  BranchRole,
  CallOptions,
  Claim,
  DatabaseInfo,
  Endpoint,
  Listed,
  ListedApproval,
  Migration,
  PageOptions,
  Param,
  Proposal,
  QueryResult,
  Row,
  Settings,
  Snapshot,
  WriteOptions,
} from './types.ts'

type Deleted = Promise<{ deleted: true }>

/** `db.branches`: copies of the schema without rows, for agents and pull requests. */
export interface Branches {
  /** Creates a branch, or resets it to its parent's current schema. */
  upsert(
    ref: string,
    options?: { name?: string; expiresAt?: string | Date; ttlDays?: number; fromRef?: string } & CallOptions,
  ): Promise<DatabaseInfo>
  /** Creates or resets a branch and returns a token limited to it. */
  claim(options?: { ref?: string; purpose?: string; ttlSec?: number; role?: BranchRole } & CallOptions): Promise<Claim>
  /** Creates a handoff code that another agent redeems once, with `PerSQL.fromHandoff`. */
  pin(
    ref: string,
    options?: { role?: BranchRole; ttlSec?: number } & CallOptions,
  ): Promise<{ token: string; expiresAt: string }>
  /** Merges the branch into the database, or previews the merge. @throws MergeRefusedError */
  merge(ref: string, options?: MergeOptions & WriteOptions): Promise<MergeReport>
  list(options?: PageOptions): Promise<Listed<DatabaseInfo>>
  get(ref: string, options?: CallOptions): Promise<DatabaseInfo>
  delete(ref: string, options?: CallOptions): Deleted
}

/** `db.proposals`: dry runs of writes that can be applied afterwards. */
export interface Proposals {
  /** Dry-runs a write and returns a token that applies exactly that write, once. */
  propose(sql: string, options?: { params?: readonly Param[]; ttlSec?: number } & WriteOptions): Promise<Proposal>
  apply<T extends object = Row>(executionToken: string, options?: WriteOptions): Promise<QueryResult<T>>
}

/** `db.approvalRules`: rules that deny writes to some tables or require approval. */
export interface ApprovalRules {
  create(
    rule: { tableGlob: string; action: 'deny' | 'require_approval'; note?: string },
    options?: WriteOptions,
  ): Promise<ApprovalRule>
  list(options?: CallOptions): Promise<ApprovalRule[]>
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.approvals`: the approvals of writes that threw an `ApprovalRequiredError`. */
export interface Approvals {
  /** Lists up to 100 requests, pending ones first. Requires an admin token. */
  list(options?: CallOptions): Promise<ListedApproval[]>
  get(approvalToken: string, options?: CallOptions): Promise<Approval>
  /** Waits until the request is approved, denied or expired. @throws PerSQLError `timeout` */
  poll(
    approvalToken: string,
    options?: { intervalMs?: number; timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Approval>
  /** Runs an approved write, once. Returns its result, or one result for each statement of a batch. */
  redeem(approvalToken: string, options?: WriteOptions): Promise<QueryResult | QueryResult[]>
}

/** `db.snapshots`: copies of all tables and rows at one time. */
export interface Snapshots {
  create(label: string, options?: WriteOptions): Promise<Snapshot>
  list(options?: PageOptions): Promise<Listed<Snapshot>>
  delete(id: string, options?: WriteOptions): Deleted
  /** Restores a snapshot. The state before is saved as the snapshot `before`. */
  restore(
    to: { snapshotId: string } | { bookmark: string } | { timestamp: number },
    options?: WriteOptions,
  ): Promise<{ restored: Snapshot; before: Snapshot }>
}

/** `db.migrations`: drafts of schema changes, each applied in one transaction. */
export interface Migrations {
  create(draft: { name: string; sql: string }, options?: WriteOptions): Promise<Migration>
  list(options?: { limit?: number; before?: string } & PageOptions): Promise<Listed<Migration>>
  update(id: string, draft: { name?: string; sql?: string }, options?: WriteOptions): Promise<Migration>
  apply(id: string, options?: WriteOptions): Promise<Migration>
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.endpoints`: stored statements that anyone can call once they are published. */
export interface Endpoints {
  create(
    spec: { slug: string; name: string; kind: string; [field: string]: unknown },
    options?: WriteOptions,
  ): Promise<Endpoint>
  list(options?: CallOptions): Promise<Endpoint[]>
  get(slug: string, options?: CallOptions): Promise<Endpoint>
  update(slug: string, changes: Record<string, unknown>, options?: WriteOptions): Promise<Endpoint>
  publish(slug: string, options?: { version?: number } & WriteOptions): Promise<Endpoint>
  pause(slug: string, options?: WriteOptions): Promise<Endpoint>
  delete(slug: string, options?: WriteOptions): Deleted
}

/** `db.webhooks`: URLs to which changes are delivered. */
export interface Webhooks {
  create(webhook: WebhookSpec, options?: WriteOptions): Promise<Webhook>
  list(options?: PageOptions): Promise<Listed<Webhook>>
  get(id: string, options?: CallOptions): Promise<Webhook>
  /** Updates, disables or enables a webhook. */
  update(id: string, changes: Partial<WebhookSpec>, options?: WriteOptions): Promise<Webhook>
  delete(id: string, options?: WriteOptions): Deleted
  /** Replaces the signing secret. */
  rotateSecret(id: string, options?: WriteOptions): Promise<Webhook>
  /** Sends a `test` event once and returns the result. */
  test(id: string, options?: WriteOptions): Promise<WebhookTest>
  /** Lists pending and recent deliveries, newest first. */
  deliveries(id: string, options?: { limit?: number } & CallOptions): Promise<Delivery[]>
  /** Redelivers an event with its original ID. */
  replay(id: string, deliveryId: string, options?: WriteOptions): Promise<Delivery>
}

/** The fields of a schedule. */
interface ScheduleSpec {
  name: string
  /** One statement. */
  sql: string
  params?: readonly Param[]
  /** Seconds between runs, from 60 to 604,800. */
  intervalSec: number
  enabled?: boolean
}

/** `db.schedules`: statements that run at an interval. */
export interface Schedules {
  create(schedule: ScheduleSpec, options?: WriteOptions): Promise<Schedule>
  list(options?: PageOptions): Promise<Listed<Schedule>>
  update(id: string, changes: Partial<ScheduleSpec>, options?: WriteOptions): Promise<Schedule>
  delete(id: string, options?: WriteOptions): Deleted
  /** Runs a schedule now, even if disabled. Its next run isn't affected. */
  run(id: string, options?: WriteOptions): Promise<Schedule>
}

/** `db.settings`: the settings of a database. */
export interface SettingsResource {
  get(options?: CallOptions): Promise<Settings>
  update(changes: Partial<Settings>, options?: WriteOptions): Promise<Settings>
}

/** The resources of a database by their names. */
export interface DatabaseResources {
  branches: Branches
  proposals: Proposals
  approvalRules: ApprovalRules
  approvals: Approvals
  snapshots: Snapshots
  migrations: Migrations
  endpoints: Endpoints
  webhooks: Webhooks
  schedules: Schedules
  settings: SettingsResource
}
