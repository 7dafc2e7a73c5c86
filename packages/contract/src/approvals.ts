import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta, QueryResult, statementErrors } from './query.ts'
import { Params, Slug, Timestamp } from './values.ts'

const address = { ns: Slug, db: Slug }
const Token = z.string().min(1).max(200)

/** The tables whose writes are denied or need approval. */
const RuleShape = {
  /** `*` matches any characters, `?` exactly one. Case-insensitive. */
  tableGlob: z.string().min(1).max(200),
  action: z.enum(['deny', 'require_approval']),
}

export const ApprovalRule = z.object({
  id: z.string(),
  ...RuleShape,
  note: z.string().nullable(),
  createdAt: Timestamp,
  createdBy: z.string(),
})
export type ApprovalRule = z.infer<typeof ApprovalRule>

/** A rule with the table that it matched in a statement. */
export const ApprovalHit = z.object({ ...RuleShape, matchedTable: z.string(), note: z.string().nullable() })
export type ApprovalHit = z.infer<typeof ApprovalHit>

/** The status of an approval. `redeemed` means that the write has run. */
export const ApprovalStatus = z.enum(['pending', 'approved', 'denied', 'expired', 'redeemed'])
export type ApprovalStatus = z.infer<typeof ApprovalStatus>

export const Approval = z.object({
  status: ApprovalStatus,
  hits: z.array(ApprovalHit),
  createdAt: Timestamp,
  /** The end of the time to decide, and to redeem an approval. */
  expiresAt: Timestamp,
  decidedAt: Timestamp.nullable(),
  /** The note of the person who decided. */
  note: z.string().nullable(),
})
export type Approval = z.infer<typeof Approval>

/** An approval with everything that the person who decides needs to know. */
export const ApprovalRequest = Approval.extend({
  namespaceSlug: Slug,
  databaseSlug: Slug,
  /** `token:<id>` or `user:<id>`. */
  askedBy: z.string(),
  statements: z.array(z.object({ sql: z.string(), params: Params })),
  /** All tables it writes, protected or not. */
  tables: z.array(z.string()),
  /** Rows and index entries that it wrote in the dry run before the request. */
  rowsWritten: z.int(),
  decidedBy: z.string().nullable(),
})
export type ApprovalRequest = z.infer<typeof ApprovalRequest>

/** An approval request in a list: its token and the beginning of its SQL. */
export const ListedApproval = ApprovalRequest.omit({
  namespaceSlug: true,
  databaseSlug: true,
  statements: true,
}).extend({
  approvalToken: z.string(),
  /** The first 500 characters of the first statement. */
  sql: z.string(),
  statementCount: z.int(),
})
export type ListedApproval = z.infer<typeof ListedApproval>

const decision = {
  scope: 'account',
  input: z.strictObject({ token: Token, note: z.string().max(500).optional() }),
  output: ApprovalRequest,
  errors: ['approval_not_found', 'approval_not_open', 'role_insufficient'],
} as const

/** Operations on approval rules and approval requests. */
export const approvals = {
  list_approval_rules: operation({
    summary: 'List approval rules: the tables whose writes are denied or need approval',
    route: 'GET /v1/db/{ns}/{db}/approval_rules',
    scope: 'admin',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approval_rules', role: 'viewer' },
    input: z.strictObject(address),
    output: z.array(ApprovalRule),
    errors: ['database_not_found'],
  }),

  create_approval_rule: operation({
    summary: 'Create a rule that denies writes to matching tables or requires approval; takes effect immediately',
    route: 'POST /v1/db/{ns}/{db}/approval_rules',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/approval_rules', role: 'admin' },
    input: z.strictObject({ ...address, ...RuleShape, note: z.string().max(500).optional() }),
    output: ApprovalRule,
    errors: ['database_not_found', 'limit_reached'],
  }),

  delete_approval_rule: operation({
    summary: 'Delete an approval rule',
    route: 'DELETE /v1/db/{ns}/{db}/approval_rules/{id}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/approval_rules/{id}', role: 'admin' },
    input: z.strictObject({ ...address, id: z.string().min(1).max(40) }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'approval_rule_not_found'],
  }),

  list_approvals: operation({
    summary: 'List up to 100 approval requests: pending first, then those of the last 90 minutes, newest first',
    route: 'GET /v1/db/{ns}/{db}/approvals',
    scope: 'admin',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approvals', role: 'viewer' },
    input: z.strictObject(address),
    output: z.array(ListedApproval),
    errors: ['database_not_found'],
  }),

  get_approval: operation({
    summary: 'Get the status of your approval request',
    route: 'GET /v1/db/{ns}/{db}/approvals/{token}',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approvals/{token}', role: 'viewer' },
    input: z.strictObject({ ...address, token: Token }),
    output: Approval,
    errors: ['database_not_found', 'approval_not_found'],
  }),

  redeem_approval: operation({
    summary: 'Run an approved write exactly as requested, once, all-or-nothing',
    route: 'POST /v1/db/{ns}/{db}/redeem_approval',
    scope: 'readwrite',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/redeem_approval', role: 'editor' },
    input: z.strictObject({ ...address, approvalToken: Token }),
    output: z.union([QueryResult, z.array(QueryResult)]),
    meta: QueryMeta,
    errors: [
      ...statementErrors,
      'approval_denied',
      'approval_not_found',
      'approval_not_open',
      'approval_stale',
      'quota_exceeded',
      'database_full',
      'took_too_long',
      'expectation_failed',
      'idempotency_mismatch',
      'replay_dropped',
    ],
  }),

  get_approval_request: operation({
    summary: 'Get an approval request: who wants to run what, on which tables',
    route: 'GET /api/approvals/{token}',
    scope: 'account',
    input: z.strictObject({ token: Token }),
    output: ApprovalRequest,
    errors: ['approval_not_found'],
  }),

  approve_request: operation({
    summary: 'Approve a request; requires edit access to the database',
    route: 'POST /api/approvals/{token}/approve',
    ...decision,
  }),

  deny_request: operation({
    summary: 'Deny a request; requires edit access to the database',
    route: 'POST /api/approvals/{token}/deny',
    ...decision,
  }),
}
