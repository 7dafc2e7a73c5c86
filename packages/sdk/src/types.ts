export type * from './database-types.ts'
export type * from './event-types.ts'
export type * from './result-types.ts'
export type * from './schema-types.ts'
export type * from './transfer-types.ts'

/** A value for a placeholder: booleans become 0 and 1. A bigint is exact, up to 64 bits. */
export type Param = string | number | bigint | boolean | null | Uint8Array
/** The values of a statement's placeholders: in their order, or by name, with or without the prefix `:`, `@` or `$`. */
export type Params = readonly Param[] | Readonly<Record<string, Param>>
/** A JSON value. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** The options of every call. */
export interface CallOptions {
  /** Aborts the call, which rejects with the signal's reason. */
  signal?: AbortSignal
  /** Timeout for the whole call, including retries and delays; 0 for none. Default: 60,000. */
  timeoutMs?: number
  /** Maximum number of retries after a failure. Default: 3. */
  maxRetries?: number
}

/** The options of a paged list. Without both, the page is the whole list. */
export interface PageOptions extends CallOptions {
  /** Items per page, at most 1,000. Default: 100 if `cursor` is set. */
  pageSize?: number
  /** `meta.nextCursor` of the previous page. */
  cursor?: string
}

/** A page of a list, with the cursor of the next page in `meta`. */
export type Listed<T> = T[] & {
  readonly meta: {
    /** `cursor` of the next page; `null` on the last. */
    nextCursor: string | null
    /** Number of items in the whole list. */
    total: number
  }
}

/** The options of calls that can write. */
export interface WriteOptions extends CallOptions {
  /** Idempotency key of up to 200 characters. Calls with the same key run once in 24 hours. Default for writes: a random key. */
  idempotencyKey?: string
  /** With `planStep`: a step of this plan that succeeded returns its first response instead of running again. */
  planKey?: string
  planStep?: string
}

/** The options of a batch. */
export interface BatchOptions extends WriteOptions {
  /** Whether to run all statements in one transaction. */
  transaction?: boolean
}

/** An expected count: exact, or within bounds. */
export type Count = number | { min?: number; max?: number }

/** A statement with its expected row counts. */
export interface Statement {
  sql: string
  params?: Params
  /** Rolls the transaction back and fails with 409 if the counts differ. */
  expect?: { rows?: Count; rowsWritten?: Count }
}

/** The cause of an SQL error in machine-readable form. */
export interface SqlErrorDetail {
  kind:
    | 'unique_violation'
    | 'not_null_violation'
    | 'fk_violation'
    | 'check_violation'
    | 'unknown_table'
    | 'unknown_column'
    | 'syntax_error'
    | 'type_mismatch'
    | 'database_locked'
    | 'too_many_params'
    | 'too_few_params'
    | 'limit_exceeded'
    | 'not_available'
    | 'readonly'
    | 'unknown'
  message: string
  table?: string
  column?: string
  columns?: { table: string; column: string }[]
  constraint?: string
  near?: string
  hint?: string
}

/** A table with its row count, which is `null` for a virtual table that can't be read. */
export interface Table {
  name: string
  rowCount: number | null
}

/** The result of checking a statement. */
export interface Validation {
  ok: boolean
  error?: string
  errorDetail?: SqlErrorDetail
}

/** The query plan of a statement and the tables it would read and write. */
export interface Explanation {
  plan: { id: number; parent: number; detail: string }[]
  kind: 'read' | 'write' | 'schema'
  reads: string[]
  writes: string[]
}

/** A call in the query log. */
export interface QueryLogEntry {
  id: number
  ts: number
  token_id: string
  operation: string
  sql: string | null
  statement_count: number
  rows_read: number
  rows_written: number
  duration_ms: number
  status: number
  error: string | null
  /** The interactive transaction that ran it. */
  transaction_id: string | null
}

/** The role of a branch token. */
export type BranchRole = 'read' | 'write' | 'admin'

/** A branch with a token for it. */
export interface Claim {
  branchRef: string
  databaseSlug: string
  namespaceSlug: string
  /** A token with access to this branch only. */
  token: string
  expiresAt: string | null
  outcome: 'created' | 'reset'
  rows?: {
    /** Tables of migration tools, whose rows were copied; `rows` is `null` if the table was too large. */
    carried: { table: string; rows: number | null }[]
  }
}

/** The branch of a redeemed handoff, without its token. */
export interface BranchHandoff {
  branchRef: string
  databaseSlug: string
  namespaceSlug: string
  expiresAt: string | null
  role: BranchRole
}

/** The effect of a proposed write, and the token that applies it. */
export interface Proposal {
  sql: string
  /** Rows of EXPLAIN QUERY PLAN. */
  plan: unknown[][]
  estimatedAffectedRows: number | null
  executionToken: string
  expiresAt: string
  action: 'write' | 'schema'
}

/** All tables and rows of a database at one time. */
export interface Snapshot {
  id: string
  label: string
  createdAt: string
  automatic: boolean
  rows: number
}

/** A rule that denies writes or requires approval. */
export interface ApprovalRule {
  id: string
  tableGlob: string
  action: 'deny' | 'require_approval'
  note: string | null
  createdAt: string
  createdBy: string
}

/** A rule with the table that it matched in a write. */
export interface ApprovalHit {
  tableGlob: string
  action: 'deny' | 'require_approval'
  matchedTable: string
  note: string | null
}

/** The approval of a write. */
export interface Approval {
  status: 'pending' | 'approved' | 'denied' | 'expired' | 'redeemed'
  hits: ApprovalHit[]
  createdAt: string
  expiresAt: string
  decidedAt: string | null
  note: string | null
}

/** An approval request in a list. */
export interface ListedApproval extends Approval {
  approvalToken: string
  /** The first 500 characters of the first statement. */
  sql: string
  statementCount: number
  tables: string[]
  rowsWritten: number
  askedBy: string
  decidedBy: string | null
}

/** A session of a user of your app. */
export interface Session {
  token: string
  expiresAt: string
  expiresIn: number
}

/** The role of a token. */
export type TokenRole = 'readonly' | 'readwrite' | 'admin'

/** The databases that a token has access to. */
export interface SelectedDatabases {
  /** Slugs, and patterns such as `cust-*`. A pattern selects databases that aren't branches. */
  databases: string[]
  /** Whether the branches of these databases are selected too. */
  branches: boolean
  /** Selections that limit this one; a database has to be in all of them. Absent if nothing else limits it. */
  within?: { databases: string[]; branches: boolean }[]
}

/** The token of the client. */
export interface Me {
  namespaceSlug: string
  namespaceId: string
  role: TokenRole
  tokenId: string
  /** Slug of the only database the token has access to; `null` if there can be several. */
  database: string | null
  /** Ref of that database, if it is a branch. */
  branch: string | null
  /** The same as `branch`. */
  branchRef: string | null
  /** URL for clients of the libSQL protocol if the token has access to only one database; `null` otherwise. */
  libsqlUrl: string | null
  /** Slugs of the only databases the token has access to; `null` if `select` has patterns or branches, or is `null` too. */
  databases: string[] | null
  /** The databases the token has access to; `null` for all of the namespace. */
  select: SelectedDatabases | null
  tableScope: string[] | null
  /** Names of the only operations the token can call, besides `get_me`; `null` for all that its role allows. */
  operations: string[] | null
  /** The origins of the only web pages that can use the token; `null` if no page of another site can read its responses. */
  origins: string[] | null
  expiresAt: string | null
}

/** A token, without its secret. */
export interface Token {
  id: string
  name: string
  role: TokenRole
  tableScope: string[] | null
  claims: Record<string, Json> | null
  /** Slug of the only database it has access to; `null` if there can be several. */
  database: string | null
  /** Slugs of the only databases it has access to; `null` if `select` has patterns or branches, or is `null` too. */
  databases: string[] | null
  /** The databases it has access to; `null` for all of the namespace. */
  select: SelectedDatabases | null
  /** Names of the only operations it can call, besides `get_me`; `null` for all that its role allows. */
  operations: string[] | null
  /** The origins of the only web pages that can use it; `null` if no page of another site can read its responses. */
  origins: string[] | null
  preview: string
  createdAt: string
  expiresAt: string | null
  /** ID of the token, or of the app's grant, that created it and ends it; `null` if the namespace owns it. */
  mintedBy: string | null
  /** ID of the token that created it; `null` if an app or the namespace did. */
  parentId: string | null
  /** Number of tokens and unredeemed handoffs that end with it. */
  descendants: number
}

/** A public endpoint of a database. */
export interface Endpoint {
  slug: string
  name: string
  status: 'draft' | 'published' | 'paused'
  version: number
  url: string
  spec: Record<string, unknown>
  createdAt: string
  updatedAt: string
  publishedAt: string | null
}

/** A migration: a draft, or applied. */
export interface Migration {
  id: string
  name: string
  sql: string
  checksum: string
  statements: number
  createdAt: string
  updatedAt: string
  appliedAt: string | null
  appliedBy: string | null
  durationMs: number | null
  bookmark: string | null
  /** Whether it was applied in the database that this one was forked or branched from. */
  inherited?: boolean
  error?: { code: string; error: string; errorDetail?: SqlErrorDetail; at: string }
}

/** The settings of a database. */
export interface Settings {
  /** Whether a snapshot is created before a destructive statement. */
  automaticSnapshots: boolean
}
