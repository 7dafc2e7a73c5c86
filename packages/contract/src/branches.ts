import * as z from 'zod'
import { Database } from './databases.ts'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Moment, Slug } from './values.ts'

/** The name of a branch, unique in its parent: like a branch of git's. */
export const Ref = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$/, 'use letters, digits and . _ - / (first a letter or digit), at most 64')

/** What a token of a branch may do; a console token's `readonly`, `readwrite` and `admin`. */
const BranchRole = z.enum(['read', 'write', 'admin'])
export type BranchRole = z.infer<typeof BranchRole>

const MAX_TTL_S = 30 * 24 * 60 * 60

const branch = { db: Slug, ref: Ref }
const errors = ['namespace_mismatch', 'database_not_found', 'branch_of_branch', 'role_insufficient'] as const

export const Claim = z.object({
  branchRef: z.string(),
  databaseSlug: z.string(),
  namespaceSlug: z.string(),
  /** Opens this branch and nothing else, until it expires, is reset or deleted. */
  token: z.string(),
  /** `null`: the branch stays until it is deleted. */
  expiresAt: Moment.nullable(),
  outcome: z.enum(['created', 'reset']),
})

export const claim_branch = operation({
  summary: 'Make a branch with the schema of its parent and without rows, or reset it, and get a token for it',
  route: 'POST /v1/db/{ns}/{db}/claim_branch',
  scope: 'admin',
  console: { route: 'POST /api/namespaces/{ns}/databases/{db}/claim_branch', role: 'admin' },
  input: z.strictObject({
    db: Slug,
    /** Made of `purpose` and six random characters unless it is given. */
    ref: Ref.optional(),
    purpose: z.string().trim().min(1).max(200).optional(),
    /** Seconds until branch and token end; 0 for a branch that stays. */
    ttlSec: z
      .int()
      .refine((ttl) => ttl === 0 || (ttl >= 60 && ttl <= MAX_TTL_S), `give 0, or 60 to ${MAX_TTL_S} seconds`)
      .default(3600),
    role: BranchRole.default('write'),
  }),
  output: Claim,
  errors: [...errors, 'slug_taken', 'database_deleting'],
})

export const list_branches = operation({
  summary: 'List the branches of a database',
  route: 'GET /v1/db/{ns}/{db}/branches',
  scope: 'readonly',
  console: { route: 'GET /api/namespaces/{ns}/databases/{db}/branches', role: 'viewer' },
  input: z.strictObject({ db: Slug, ...paging }),
  output: z.array(Database),
  meta: PageMeta,
  errors: ['namespace_mismatch', 'database_not_found'],
})

export const put_branch = operation({
  summary: 'Make a branch, or reset it to the present schema of its parent',
  route: 'PUT /v1/db/{ns}/{db}/branches/{ref}',
  scope: 'admin',
  console: { route: 'PUT /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'editor' },
  input: z.strictObject({
    ...branch,
    name: z.string().trim().min(1).max(80).optional(),
    /** The database itself: its slug, or `main`. */
    fromRef: z.string().max(64).optional(),
    expiresAt: Moment.optional(),
    ttlDays: z.int().min(1).max(30).optional(),
    /** Where it is to be; taken for granted on one machine. */
    region: z.string().max(20).optional(),
  }),
  output: Database,
  errors: [...errors, 'slug_taken', 'database_deleting'],
})

export const get_branch = operation({
  summary: 'Read one branch',
  route: 'GET /v1/db/{ns}/{db}/branches/{ref}',
  scope: 'readonly',
  console: { route: 'GET /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'viewer' },
  input: z.strictObject(branch),
  output: Database,
  errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found'],
})

export const delete_branch = operation({
  summary: 'Delete a branch with its rows and tokens',
  route: 'DELETE /v1/db/{ns}/{db}/branches/{ref}',
  scope: 'admin',
  console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'editor' },
  input: z.strictObject(branch),
  output: z.object({ deleted: z.literal(true) }),
  errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found'],
})

export const hand_off_branch = operation({
  summary: 'Make a secret that can be redeemed once for a token of the branch: for a sub-agent',
  route: 'POST /v1/db/{ns}/{db}/branches/{ref}/handoff',
  scope: 'admin',
  console: { route: 'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/handoff', role: 'admin' },
  input: z.strictObject({
    ...branch,
    role: BranchRole.default('write'),
    /** Seconds within which it must be redeemed. */
    ttlSec: z.int().min(60).max(86_400).default(900),
  }),
  output: z.object({ token: z.string(), expiresAt: Moment }),
  errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found'],
})

export const redeem_handoff = operation({
  summary: 'Redeem a handoff for a token of its branch; it works once',
  route: 'POST /v1/handoff/redeem',
  scope: 'anyone',
  input: z.strictObject({ token: z.string().max(200) }),
  output: Claim.omit({ outcome: true }).extend({ role: BranchRole }),
  errors: ['handoff_not_found'],
})

export const fork_database = operation({
  summary: 'Make a database of its own with the schema and all rows of this one, as they are now',
  route: 'POST /v1/db/{ns}/{db}/fork',
  scope: 'admin',
  console: { route: 'POST /api/namespaces/{ns}/databases/{db}/fork', role: 'editor' },
  input: z.strictObject({
    db: Slug,
    slug: Slug,
    name: z.string().trim().min(1).max(80).optional(),
    ttlDays: z.int().min(1).max(30).optional(),
  }),
  output: Database,
  errors: [
    'namespace_mismatch',
    'database_not_found',
    'slug_taken',
    'database_deleting',
    'copy_impossible',
    'copy_cut_off',
    'took_too_long',
  ],
})
