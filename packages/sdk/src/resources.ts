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
  /** Makes a branch, or resets it to the present schema. */
  upsert(
    ref: string,
    options?: { name?: string; expiresAt?: string | Date; ttlDays?: number; fromRef?: string } & CallOptions,
  ): Promise<DatabaseInfo>
  /** Makes or resets a branch and gets a token that opens it alone. */
  claim(options?: { ref?: string; purpose?: string; ttlSec?: number; role?: BranchRole } & CallOptions): Promise<Claim>
  /** Makes a secret that a sub-agent redeems once, with `PerSQL.fromHandoff`. */
  pin(
    ref: string,
    options?: { role?: BranchRole; ttlSec?: number } & CallOptions,
  ): Promise<{ token: string; expiresAt: string }>
  /** Brings what changed on the branch into the database, or tells what that would do. @throws MergeRefusedError */
  merge(ref: string, options?: MergeOptions & WriteOptions): Promise<MergeReport>
  list(options?: PageOptions): Promise<Listed<DatabaseInfo>>
  get(ref: string, options?: CallOptions): Promise<DatabaseInfo>
  delete(ref: string, options?: CallOptions): Deleted
}

/** `db.proposals`: writes that are proposed first and applied afterwards. */
export interface Proposals {
  /** Tells what a write would do, and gets a token that does exactly that, once. */
  propose(sql: string, options?: { params?: readonly Param[]; ttlSec?: number } & WriteOptions): Promise<Proposal>
  apply<T extends object = Row>(executionToken: string, options?: WriteOptions): Promise<QueryResult<T>>
}

/** `db.approvalRules`: writes to some tables are forbidden, or wait for a human. */
export interface ApprovalRules {
  create(
    rule: { tableGlob: string; action: 'deny' | 'require_approval'; note?: string },
    options?: WriteOptions,
  ): Promise<ApprovalRule>
  list(options?: CallOptions): Promise<ApprovalRule[]>
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.approvals`: what an `ApprovalRequiredError` asks for. */
export interface Approvals {
  /** Up to 100 requests, those that wait for a human first. Takes an admin token. */
  list(options?: CallOptions): Promise<ListedApproval[]>
  get(approvalToken: string, options?: CallOptions): Promise<Approval>
  /** Waits until a human has decided, or the approval has expired. @throws PerSQLError `timeout` */
  poll(
    approvalToken: string,
    options?: { intervalMs?: number; timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Approval>
  /** Runs what was approved, once: a result, or one for each statement of a batch. */
  redeem(approvalToken: string, options?: WriteOptions): Promise<QueryResult | QueryResult[]>
}

/** `db.snapshots`: all tables and rows, as they were at one moment. */
export interface Snapshots {
  create(label: string, options?: WriteOptions): Promise<Snapshot>
  list(options?: PageOptions): Promise<Listed<Snapshot>>
  delete(id: string, options?: WriteOptions): Deleted
  /** Puts everything back; what was there is kept as `before`. */
  restore(
    to: { snapshotId: string } | { bookmark: string } | { timestamp: number },
    options?: WriteOptions,
  ): Promise<{ restored: Snapshot; before: Snapshot }>
}

/** `db.migrations`: statements that change a database, as drafts until they are applied, whole or not at all. */
export interface Migrations {
  create(draft: { name: string; sql: string }, options?: WriteOptions): Promise<Migration>
  list(options?: { limit?: number; before?: string } & PageOptions): Promise<Listed<Migration>>
  update(id: string, draft: { name?: string; sql?: string }, options?: WriteOptions): Promise<Migration>
  apply(id: string, options?: WriteOptions): Promise<Migration>
  delete(id: string, options?: WriteOptions): Deleted
}

/** `db.endpoints`: stored statements that anyone may call, once they are published. */
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

/** `db.webhooks`: where changes are posted. */
export interface Webhooks {
  create(webhook: WebhookSpec, options?: WriteOptions): Promise<Webhook>
  list(options?: PageOptions): Promise<Listed<Webhook>>
  get(id: string, options?: CallOptions): Promise<Webhook>
  /** One that was turned off is tried again from then on. */
  update(id: string, changes: Partial<WebhookSpec>, options?: WriteOptions): Promise<Webhook>
  delete(id: string, options?: WriteOptions): Deleted
  /** Signs with a new secret from now on. */
  rotateSecret(id: string, options?: WriteOptions): Promise<Webhook>
  /** Posts something of type `test` now, once, and says what came of it. */
  test(id: string, options?: WriteOptions): Promise<WebhookTest>
  /** What waits and what was posted lately, the newest first. */
  deliveries(id: string, options?: { limit?: number } & CallOptions): Promise<Delivery[]>
  /** Posts something again, with the id it had. */
  replay(id: string, deliveryId: string, options?: WriteOptions): Promise<Delivery>
}

/** What a schedule is made of. */
interface ScheduleSpec {
  name: string
  /** One statement. */
  sql: string
  params?: readonly Param[]
  /** 60 to 604,800. */
  intervalSec: number
  enabled?: boolean
}

/** `db.schedules`: statements that run by themselves. */
export interface Schedules {
  create(schedule: ScheduleSpec, options?: WriteOptions): Promise<Schedule>
  list(options?: PageOptions): Promise<Listed<Schedule>>
  update(id: string, changes: Partial<ScheduleSpec>, options?: WriteOptions): Promise<Schedule>
  delete(id: string, options?: WriteOptions): Deleted
  /** Runs it now, whether enabled or not; when it runs next stays as it is. */
  run(id: string, options?: WriteOptions): Promise<Schedule>
}

/** `db.settings`: how a database behaves. */
export interface SettingsOf {
  get(options?: CallOptions): Promise<Settings>
  update(changes: Partial<Settings>, options?: WriteOptions): Promise<Settings>
}

/** The resources of a database by their names. */
export interface OfDatabase {
  branches: Branches
  proposals: Proposals
  approvalRules: ApprovalRules
  approvals: Approvals
  snapshots: Snapshots
  migrations: Migrations
  endpoints: Endpoints
  webhooks: Webhooks
  schedules: Schedules
  settings: SettingsOf
}
