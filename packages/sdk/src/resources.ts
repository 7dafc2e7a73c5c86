import type { Delivery, Schedule, Webhook, WebhookSpec, WebhookTest } from './event-types.ts'
import type { BranchDiff, MergeOptions, MergeReport } from './transfer-types.ts'
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
  Params,
  Proposal,
  QueryResult,
  Row,
  Settings,
  Snapshot,
  WriteOptions,
} from './types.ts'

/** The result of a deletion. */
type Deleted = Promise<{ deleted: true }>

/** How a branch is created or reset. */
export interface BranchSetup {
  /** Leaves the tokens of a branch that is reset valid. Without it, they are revoked. */
  keepTokens?: boolean
}

/** `db.branches`: copies of the schema without rows, for agents and pull requests. */
export interface Branches {
  /** Creates a branch, or resets it to its parent's current schema. */
  upsert(
    ref: string,
    options?: { name?: string; expiresAt?: string | Date; ttlDays?: number; fromRef?: string } & BranchSetup &
      CallOptions,
  ): Promise<DatabaseInfo>
  /** Creates or resets a branch and returns a token limited to it. */
  claim(
    options?: { ref?: string; purpose?: string; ttlSec?: number; role?: BranchRole } & BranchSetup & CallOptions,
  ): Promise<Claim>
  /** Changes the display name or expiry of a branch, without a reset. `expiresAt: null` removes the expiry. */
  update(
    ref: string,
    changes: { name?: string; expiresAt?: string | Date | null; ttlDays?: number } & CallOptions,
  ): Promise<DatabaseInfo>
  /** Creates a handoff code that another agent redeems once, with `PerSQL.fromHandoff`. */
  pin(
    ref: string,
    options?: { role?: BranchRole; ttlSec?: number } & CallOptions,
  ): Promise<{ token: string; expiresAt: string }>
  /** Compares the branch with the database: schema and migrations, and with `rows` the rows too. */
  diff(ref: string, options?: { rows?: boolean } & CallOptions): Promise<BranchDiff>
  /** Merges the branch into the database, or previews the merge. @throws MergeRefusedError */
  merge(ref: string, options?: MergeOptions & WriteOptions): Promise<MergeReport>
  /** Lists the branches of the database. */
  list(options?: PageOptions): Promise<Listed<DatabaseInfo>>
  /** Returns the branch of this ref. */
  get(ref: string, options?: CallOptions): Promise<DatabaseInfo>
  /** Deletes the branch with its rows and tokens. */
  delete(ref: string, options?: CallOptions): Deleted
}

/** `db.proposals`: dry runs of writes that can be applied afterwards. */
export interface Proposals {
  /** Dry-runs a write and returns a token that applies exactly that write, once. */
  propose(sql: string, options?: { params?: Params; ttlSec?: number } & WriteOptions): Promise<Proposal>
  /** Applies a proposed write, once. */
  apply<T extends object = Row>(executionToken: string, options?: WriteOptions): Promise<QueryResult<T>>
}

/** `db.approvalRules`: rules that deny writes to some tables or require approval. */
export interface ApprovalRules {
  /** Creates a rule for the tables that match a pattern, such as `orders_*`. */
  create(
    rule: { tableGlob: string; action: 'deny' | 'require_approval'; note?: string },
    options?: WriteOptions,
  ): Promise<ApprovalRule>
  /** Lists the rules. */
  list(options?: CallOptions): Promise<ApprovalRule[]>
  /** Deletes a rule. */
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.approvals`: the approvals of writes that threw an `ApprovalRequiredError`. */
export interface Approvals {
  /** Lists up to 100 requests, pending ones first. Requires an admin token. */
  list(options?: CallOptions): Promise<ListedApproval[]>
  /** Returns the state of an approval. */
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
  /** Saves all tables and rows under a label. */
  create(label: string, options?: WriteOptions): Promise<Snapshot>
  /** Lists the snapshots, newest first. */
  list(options?: PageOptions): Promise<Listed<Snapshot>>
  /** Deletes a snapshot. */
  delete(id: string, options?: WriteOptions): Deleted
  /** Restores a snapshot. The state before is saved as the snapshot `before`. */
  restore(
    to: { snapshotId: string } | { bookmark: string } | { timestamp: number },
    options?: WriteOptions,
  ): Promise<{ restored: Snapshot; before: Snapshot }>
}

/** `db.migrations`: drafts of schema changes, each applied in one transaction. */
export interface Migrations {
  /** Saves statements as a draft. Nothing runs. */
  create(draft: { name: string; sql: string }, options?: WriteOptions): Promise<Migration>
  /** Lists the migrations, newest first. */
  list(options?: { limit?: number; before?: string } & PageOptions): Promise<Listed<Migration>>
  /** Changes a draft. */
  update(id: string, draft: { name?: string; sql?: string }, options?: WriteOptions): Promise<Migration>
  /** Applies a draft in one transaction. */
  apply(id: string, options?: WriteOptions): Promise<Migration>
  /** Deletes a draft. */
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.endpoints`: stored statements that anyone can call once they are published. */
export interface Endpoints {
  /** Saves a draft of an endpoint. */
  create(
    spec: { slug: string; name: string; kind: string; [field: string]: unknown },
    options?: WriteOptions,
  ): Promise<Endpoint>
  /** Lists the endpoints with their specs. */
  list(options?: CallOptions): Promise<Endpoint[]>
  /** Returns an endpoint by its slug. */
  get(slug: string, options?: CallOptions): Promise<Endpoint>
  /** Changes some fields. A published endpoint serves the change immediately. */
  update(slug: string, changes: Record<string, unknown>, options?: WriteOptions): Promise<Endpoint>
  /** Publishes an endpoint, or an earlier version of it. */
  publish(slug: string, options?: { version?: number } & WriteOptions): Promise<Endpoint>
  /** Pauses an endpoint: callers get 404 until you publish it again. */
  pause(slug: string, options?: WriteOptions): Promise<Endpoint>
  /** Deletes an endpoint with all its versions. */
  delete(slug: string, options?: WriteOptions): Deleted
}

/** `db.webhooks`: URLs to which changes are delivered. */
export interface Webhooks {
  /** Creates a webhook. */
  create(webhook: WebhookSpec, options?: WriteOptions): Promise<Webhook>
  /** Lists the webhooks. */
  list(options?: PageOptions): Promise<Listed<Webhook>>
  /** Returns a webhook by its ID. */
  get(id: string, options?: CallOptions): Promise<Webhook>
  /** Updates, disables or enables a webhook. */
  update(id: string, changes: Partial<WebhookSpec>, options?: WriteOptions): Promise<Webhook>
  /** Deletes a webhook. Pending deliveries are dropped. */
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
export interface ScheduleSpec {
  name: string
  /** One statement. */
  sql: string
  params?: Params
  /** Seconds between runs, from 60 to 604,800. */
  intervalSec: number
  enabled?: boolean
}

/** `db.schedules`: statements that run at an interval. */
export interface Schedules {
  /** Creates a schedule. */
  create(schedule: ScheduleSpec, options?: WriteOptions): Promise<Schedule>
  /** Lists the schedules. */
  list(options?: PageOptions): Promise<Listed<Schedule>>
  /** Changes, disables or enables a schedule. */
  update(id: string, changes: Partial<ScheduleSpec>, options?: WriteOptions): Promise<Schedule>
  /** Deletes a schedule. */
  delete(id: string, options?: WriteOptions): Deleted
  /** Runs a schedule now, even if disabled. Its next run isn't affected. */
  run(id: string, options?: WriteOptions): Promise<Schedule>
}

/** `db.settings`: the settings of a database. */
export interface SettingsResource {
  /** Returns the settings. */
  get(options?: CallOptions): Promise<Settings>
  /** Changes the settings that are passed. */
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
