export type * from './event-types.ts'
export type * from './schema-types.ts'
export type * from './transfer-types.ts'

/** A value in a row. Bytes come as they are, integers beyond ±(2^53 − 1) are refused rather than rounded. */
export type Value = string | number | null | Uint8Array
/** A value for a placeholder: booleans become 0 and 1. */
export type Param = string | number | bigint | boolean | null | Uint8Array
/** A row by the names of its columns. */
export type Row = Record<string, Value>

/** A value of JSON. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  signal?: AbortSignal
  /** For the call as a whole, attempts and pauses included; 0 for no limit. */
  timeoutMs?: number
  /** How many more attempts a failed call may have. */
  maxRetries?: number
}

/** What lists take to be read in pages. With neither, the whole list is the page. */
export interface PageOptions extends CallOptions {
  /** Items on a page, at most 1,000; 100 when only `cursor` is given. */
  pageSize?: number
  /** Where the page begins: `meta.nextCursor` of the page before. */
  cursor?: string
}

/** A page of a list; `meta` says how it goes on. */
export type Listed<T> = T[] & {
  readonly meta: {
    /** `cursor` of the next page; `null` on the last. */
    nextCursor: string | null
    /** Items of the whole list. */
    total: number
  }
}

/** What calls that may write take. */
export interface WriteOptions extends CallOptions {
  /** Up to 200 characters: calls with the same key happen once in 24 hours. Writes get a random one. */
  idempotencyKey?: string
  /** With `planStep`: a step of this plan that succeeded is answered again instead of being done again. */
  planKey?: string
  planStep?: string
}

/** What a batch takes. */
export interface BatchOptions extends WriteOptions {
  /** All statements or none. */
  transaction?: boolean
}

/** A count that must be met exactly, or within bounds. */
export type Count = number | { min?: number; max?: number }

/** A statement with what its counts must be. */
export interface Statement {
  sql: string
  params?: readonly Param[]
  /** Undoes a transaction with 409 when the counts differ. */
  expect?: { rows?: Count; rowsWritten?: Count }
}

/** What a call cost. */
export interface QueryMeta {
  rowsRead: number
  rowsWritten: number
  durationMs: number
  statementCount: number
  costUsd: number
  /** Made by itself before a statement that destroys. */
  snapshot?: { id: string; label: string }
  /** Why there is none. */
  snapshotSkipped?: 'too_large' | 'copy_impossible'
}

/** What a statement gave. */
export interface QueryResult<T extends object = Row> {
  /** The rows by the names of their columns. */
  data: T[]
  columns: string[]
  rows: Value[][]
  rowsRead: number
  rowsWritten: number
  /** Rows changed, without index entries; absent for reads. */
  changes?: number
  lastInsertRowid?: number
  /** Of the whole call, also in a batch. */
  meta?: QueryMeta
}

/** Why SQL was not run, in a form that a program can act on. */
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

/** A table and how many rows it has; `null` for a virtual table that cannot be read. */
export interface Table {
  name: string
  rowCount: number | null
}

/** Whether a statement would compile, and if not, why. */
export interface Validation {
  ok: boolean
  error?: string
  errorDetail?: SqlErrorDetail
}

/** What a statement would do, and how. */
export interface Explanation {
  plan: { id: number; parent: number; detail: string }[]
  kind: 'read' | 'write' | 'schema'
  reads: string[]
  writes: string[]
}

/** A call, as the database remembers it. */
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
}

/** A database as the namespace lists it; a branch is one, too. */
export interface DatabaseInfo {
  id: string
  slug: string
  name: string
  status: 'healthy' | 'provisioning' | 'deleting'
  createdAt: string
  branchRef: string | null
  forkedFrom: { id: string; slug: string; name: string } | null
  forkedAt: string | null
  expiresAt: string | null
  /** Bytes of its rows and indexes, as they are billed. */
  storedBytes: number | null
  /** Rows in all its tables. */
  rows: number | null
  /** Of a large database rows are not counted but estimated from samples. */
  rowsAreEstimated: boolean
  /** When size and rows were measured: some seconds after what was written last. */
  measuredAt: string | null
  /** When it was used last, give or take some seconds. */
  lastUsedAt: string | null
}

/** What a token of a branch may do. */
export type BranchRole = 'read' | 'write' | 'admin'

/** A branch and the token that opens it. */
export interface Claim {
  branchRef: string
  databaseSlug: string
  namespaceSlug: string
  /** Opens this branch and nothing else. */
  token: string
  expiresAt: string | null
  outcome: 'created' | 'reset'
  rows?: {
    /** Tables of migration tools, whose rows the branch begins with; `rows` is `null` where that is too much. */
    carried: { table: string; rows: number | null }[]
  }
}

/** What redeeming a handoff gave, without its token. */
export interface HandedOff {
  branchRef: string
  databaseSlug: string
  namespaceSlug: string
  expiresAt: string | null
  role: BranchRole
}

/** What a write would do, and the token that does it. */
export interface Proposal {
  sql: string
  /** Rows of EXPLAIN QUERY PLAN. */
  plan: unknown[][]
  estimatedAffectedRows: number | null
  executionToken: string
  expiresAt: string
  action: 'write' | 'schema'
}

/** All tables and rows, as they were at one moment. */
export interface Snapshot {
  id: string
  label: string
  createdAt: string
  automatic: boolean
  rows: number
}

/** Which writes are forbidden, or wait for a human. */
export interface ApprovalRule {
  id: string
  tableGlob: string
  action: 'deny' | 'require_approval'
  note: string | null
  createdAt: string
  createdBy: string
}

/** A rule, and the table of a write that it matches. */
export interface ApprovalHit {
  tableGlob: string
  action: 'deny' | 'require_approval'
  matchedTable: string
  note: string | null
}

/** How it stands with a write that waits for a human. */
export interface Approval {
  status: 'pending' | 'approved' | 'denied' | 'expired' | 'redeemed'
  hits: ApprovalHit[]
  createdAt: string
  expiresAt: string
  decidedAt: string | null
  note: string | null
}

/** The same as those who decide find it in a list. */
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

/** What a token may do. */
export type TokenRole = 'readonly' | 'readwrite' | 'admin'

/** The token that is in use. */
export interface Me {
  namespaceSlug: string
  namespaceId: string
  role: TokenRole
  tokenId: string
  /** The slug of the one database that the token opens; `null` when it opens several. */
  database: string | null
  /** The ref of that database, when it is a branch. */
  branch: string | null
  /** The slugs of the only databases that the token opens; `null` for all. */
  databases: string[] | null
  tableScope: string[] | null
  expiresAt: string | null
}

/** A token, without its secret. */
export interface Token {
  id: string
  name: string
  role: TokenRole
  tableScope: string[] | null
  claims: Record<string, Json> | null
  /** The one database it opens, by its slug; `null` when it opens several. */
  database: string | null
  /** The only databases it opens, by their slugs; `null` for all of the namespace. */
  databases: string[] | null
  preview: string
  createdAt: string
  expiresAt: string | null
  /** ID of the token, or of the app's grant, that created it and ends it; `null` if the namespace owns it. */
  mintedBy: string | null
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

/** Statements that change a database: a draft, or applied for good. */
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

/** How a database behaves. */
export interface Settings {
  /** Whether a snapshot is made by itself before a statement that destroys. */
  automaticSnapshots: boolean
}
