import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta, QueryResult, refusals } from './query.ts'
import { Moment, Param, Slug } from './values.ts'

const address = { ns: Slug, db: Slug }
const Token = z.string().min(1).max(200)

/** Of tables that match, writes are forbidden, or wait for a human. */
const RuleShape = {
  /** `*` stands for any characters, `?` for one; letters of either case are the same. */
  tableGlob: z.string().min(1).max(200),
  action: z.enum(['deny', 'require_approval']),
}

export const ApprovalRule = z.object({
  id: z.string(),
  ...RuleShape,
  note: z.string().nullable(),
  createdAt: Moment,
  createdBy: z.string(),
})
export type ApprovalRule = z.infer<typeof ApprovalRule>

/** A rule, and the table that a statement would write and that it matches. */
export const ApprovalHit = z.object({ ...RuleShape, matchedTable: z.string(), note: z.string().nullable() })
export type ApprovalHit = z.infer<typeof ApprovalHit>

/** How an approval stands; once it is `redeemed`, what was asked for has been done. */
export const ApprovalStatus = z.enum(['pending', 'approved', 'denied', 'expired', 'redeemed'])
export type ApprovalStatus = z.infer<typeof ApprovalStatus>

export const Approval = z.object({
  status: ApprovalStatus,
  hits: z.array(ApprovalHit),
  createdAt: Moment,
  /** Until then it can be decided, and what was approved can be redeemed. */
  expiresAt: Moment,
  decidedAt: Moment.nullable(),
  /** What the human who decided had to say. */
  note: z.string().nullable(),
})
export type Approval = z.infer<typeof Approval>

/** The same as those who decide see it. */
export const ApprovalRequest = Approval.extend({
  namespaceSlug: Slug,
  databaseSlug: Slug,
  /** `token:<id>` or `user:<id>`. */
  askedBy: z.string(),
  statements: z.array(z.object({ sql: z.string(), params: z.array(Param) })),
  /** All tables it writes, guarded or not. */
  tables: z.array(z.string()),
  /** Rows and index entries it wrote when it was tried out, before anybody was asked. */
  rowsWritten: z.int(),
  decidedBy: z.string().nullable(),
})
export type ApprovalRequest = z.infer<typeof ApprovalRequest>

/** The same in a list: its address, and of what it would run the beginning. */
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
    summary: 'List the rules that make writes to some tables wait for a human, or forbid them',
    route: 'GET /v1/db/{ns}/{db}/approval_rules',
    scope: 'admin',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approval_rules', role: 'viewer' },
    input: z.strictObject(address),
    output: z.array(ApprovalRule),
    errors: ['database_not_found'],
  }),

  create_approval_rule: operation({
    summary: 'Make writes to tables of this name wait for a human, or forbid them; it holds from the answer on',
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
    summary: 'List up to 100 requests for approval: those that wait, then those of the last 90 minutes, newest first',
    route: 'GET /v1/db/{ns}/{db}/approvals',
    scope: 'admin',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approvals', role: 'viewer' },
    input: z.strictObject(address),
    output: z.array(ListedApproval),
    errors: ['database_not_found'],
  }),

  get_approval: operation({
    summary: 'Tell how an approval stands that one was told to wait for',
    route: 'GET /v1/db/{ns}/{db}/approvals/{token}',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/approvals/{token}', role: 'viewer' },
    input: z.strictObject({ ...address, token: Token }),
    output: Approval,
    errors: ['database_not_found', 'approval_not_found'],
  }),

  redeem_approval: operation({
    summary: 'Run exactly what was approved, whole or not at all, once: a result, or one for each statement of a batch',
    route: 'POST /v1/db/{ns}/{db}/redeem_approval',
    scope: 'readwrite',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/redeem_approval', role: 'editor' },
    input: z.strictObject({ ...address, approvalToken: Token }),
    output: z.union([QueryResult, z.array(QueryResult)]),
    meta: QueryMeta,
    errors: [
      ...refusals,
      'approval_denied',
      'approval_not_found',
      'approval_not_open',
      'approval_stale',
      'expectation_failed',
      'idempotency_mismatch',
    ],
  }),

  get_approval_request: operation({
    summary: 'Show what an approval is asked for: who wants to run what, on which tables',
    route: 'GET /api/approvals/{token}',
    scope: 'account',
    input: z.strictObject({ token: Token }),
    output: ApprovalRequest,
    errors: ['approval_not_found'],
  }),

  approve_request: operation({
    summary: 'Approve what is asked for, as an editor of the database or more',
    route: 'POST /api/approvals/{token}/approve',
    ...decision,
  }),

  deny_request: operation({
    summary: 'Deny what is asked for, as an editor of the database or more',
    route: 'POST /api/approvals/{token}/deny',
    ...decision,
  }),
}
