import * as z from 'zod'
import { Database } from './databases.ts'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

const MAX_REF_BYTES = 255
const CONTROL = /\p{Cc}/u
const NOT_IN_GIT = [
  [/^[-/]|\/$|\/\//, 'must not start with "-" or "/", end with "/" or contain "//"'],
  [/(^|\/)\./, 'must not have a part that starts with "."'],
  [/\.lock(\/|$)|\.$/, 'must not end with "." or have a part that ends with ".lock"'],
  [/\.\.|@\{|^@$|^HEAD$/, 'must not be "@" or "HEAD", or contain ".." or "@{"'],
  [/[ ~^:?*[\\]/, 'must not contain spaces or any of ~ ^ : ? * [ \\'],
] as const

/** The name of a branch, unique in its parent. All branch names of Git are valid. */
export const Ref = z
  .string()
  .max(MAX_REF_BYTES)
  .superRefine((ref, context) => {
    const problem = findProblem(ref)
    if (problem) context.addIssue({ code: 'custom', message: problem })
  })

/** The name of an existing branch. Older branches can have names that are no longer valid for new ones. */
export const KnownRef = z
  .string()
  .max(MAX_REF_BYTES)
  .superRefine((ref, context) => {
    const problem = findLengthProblem(ref)
    if (problem) context.addIssue({ code: 'custom', message: problem })
  })

function findProblem(ref: string): string | undefined {
  const [, problem] = NOT_IN_GIT.find(([pattern]) => pattern.test(ref)) ?? []
  return findLengthProblem(ref) ?? problem
}

/** Returns the length in UTF-8. */
const countBytes = (text: string): number =>
  [...text].reduce((sum, { length }, i, all) => {
    const point = all[i]?.codePointAt(0) ?? 0
    return sum + (length === 2 ? 4 : point < 0x80 ? 1 : point < 0x800 ? 2 : 3)
  }, 0)

function findLengthProblem(ref: string): string | undefined {
  if (ref === '') return 'must not be empty'
  if (!ref.isWellFormed() || CONTROL.test(ref)) return 'must not contain control characters or unpaired surrogates'
  if (countBytes(ref) > MAX_REF_BYTES) {
    return `must be at most ${MAX_REF_BYTES} bytes of UTF-8`
  }
  return undefined
}

/** The role of a branch token, equal to `readonly`, `readwrite` and `admin` of other tokens. */
const BranchRole = z.enum(['read', 'write', 'admin'])
export type BranchRole = z.infer<typeof BranchRole>

const MAX_TTL_S = 30 * 24 * 60 * 60

const branch = { db: Slug, ref: KnownRef }
const Name = z.string().trim().min(1).max(80)
const TtlDays = z.int().min(1).max(30)
/** Whether a reset leaves the branch's tokens valid; without it, they are revoked. */
const keepTokens = z.boolean().default(false)
const errors = ['namespace_mismatch', 'database_not_found', 'branch_of_branch', 'role_insufficient'] as const
const taken = [...errors, 'slug_taken', 'database_deleting', 'too_many_databases', 'delete_protected'] as const
const loading = ['copy_cut_off', 'took_too_long'] as const

export const Claim = z.object({
  branchRef: z.string(),
  databaseSlug: z.string(),
  namespaceSlug: z.string(),
  /** Gives access to this branch only, until the branch expires, is reset or is deleted. */
  token: z.string(),
  /** `null` if the branch doesn't expire. */
  expiresAt: Timestamp.nullable(),
  outcome: z.enum(['created', 'reset']),
  /** Rows that were copied from the parent; absent if no rows were copied. */
  rows: z
    .object({
      /** The tables in which migration tools record applied migrations; `rows` is `null` if the table was too large to copy. */
      carried: z.array(z.object({ table: z.string(), rows: z.int().nullable() })),
    })
    .optional(),
})

/** Operations on branches, forks and handoffs. */
export const branches = {
  claim_branch: operation({
    summary: "Create a branch with the parent's schema and no rows, or reset it, and get a token for it",
    route: 'POST /v1/db/{ns}/{db}/claim_branch',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/claim_branch', role: 'admin' },
    input: z.strictObject({
      db: Slug,
      /** Default: `purpose` and 6 random characters. */
      ref: Ref.optional(),
      purpose: z.string().trim().min(1).max(200).optional(),
      /** Seconds until branch and token expire; 0 for no expiry. Default: 3600, or the rest of the caller's token if shorter. */
      ttlSec: z
        .int()
        .refine(
          (ttl) => ttl === 0 || (ttl >= 60 && ttl <= MAX_TTL_S),
          `must be 0, or an integer from 60 to ${MAX_TTL_S.toLocaleString('en-US')} (seconds)`,
        )
        .optional(),
      role: BranchRole.default('write'),
      keepTokens,
    }),
    output: Claim,
    errors: [...taken, 'exceeds_parent', ...loading],
  }),

  list_branches: operation({
    summary: 'List the branches of a database',
    route: 'GET /v1/db/{ns}/{db}/branches',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/branches', role: 'viewer' },
    input: z.strictObject({ db: Slug, ...paging }),
    output: z.array(Database),
    meta: PageMeta,
    errors: ['namespace_mismatch', 'database_not_found'],
  }),

  put_branch: operation({
    summary: "Create a branch, or reset it to its parent's current schema",
    route: 'PUT /v1/db/{ns}/{db}/branches/{ref}',
    scope: 'admin',
    console: { route: 'PUT /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'editor' },
    input: z.strictObject({
      ...branch,
      ref: Ref,
      name: Name.optional(),
      /** The parent database: its slug, or `main`. */
      fromRef: z.string().max(64).optional(),
      expiresAt: Timestamp.optional(),
      ttlDays: TtlDays.optional(),
      /** The region of the branch. Ignored on a single machine. */
      region: z.string().max(20).optional(),
      keepTokens,
    }),
    output: Database,
    errors: [...taken, ...loading],
  }),

  update_branch: operation({
    summary: 'Update the name or expiry of a branch, without a reset',
    route: 'PATCH /v1/db/{ns}/{db}/branches/{ref}',
    scope: 'admin',
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'editor' },
    input: z.strictObject({
      ...branch,
      name: Name.optional(),
      /** `null` for no expiry. Tokens of the branch keep their own expiry. */
      expiresAt: Timestamp.nullable().optional(),
      /** Days from now until the branch expires. */
      ttlDays: TtlDays.optional(),
    }),
    output: Database,
    errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found'],
  }),

  get_branch: operation({
    summary: 'Get a branch',
    route: 'GET /v1/db/{ns}/{db}/branches/{ref}',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'viewer' },
    input: z.strictObject(branch),
    output: Database,
    errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found'],
  }),

  delete_branch: operation({
    summary: 'Delete a branch and its rows and tokens',
    route: 'DELETE /v1/db/{ns}/{db}/branches/{ref}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/branches/{ref}', role: 'editor' },
    input: z.strictObject(branch),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found', 'delete_protected'],
  }),

  hand_off_branch: operation({
    summary: 'Create a one-time code that another agent can exchange for a token to this branch',
    route: 'POST /v1/db/{ns}/{db}/branches/{ref}/handoff',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/handoff', role: 'admin' },
    input: z.strictObject({
      ...branch,
      role: BranchRole.default('write'),
      /** Seconds until the code expires. Default: 900, or the rest of the caller's token if shorter. */
      ttlSec: z.int().min(60).max(86_400).optional(),
    }),
    output: z.object({ token: z.string(), expiresAt: Timestamp }),
    errors: ['namespace_mismatch', 'database_not_found', 'branch_not_found', 'exceeds_parent'],
  }),

  redeem_handoff: operation({
    summary: 'Exchange a handoff code for a branch token; works once',
    route: 'POST /v1/handoff/redeem',
    scope: 'anyone',
    input: z.strictObject({ token: z.string().max(200) }),
    output: Claim.omit({ outcome: true, rows: true }).extend({ role: BranchRole }),
    errors: ['handoff_not_found', 'origin_not_allowed'],
  }),

  fork_database: operation({
    summary: 'Create an independent copy of a database with its schema and all rows',
    route: 'POST /v1/db/{ns}/{db}/fork',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/fork', role: 'editor' },
    input: z.strictObject({
      db: Slug,
      slug: Slug,
      name: Name.optional(),
      ttlDays: TtlDays.optional(),
    }),
    output: Database,
    errors: [
      'namespace_mismatch',
      'database_not_found',
      'slug_taken',
      'database_deleting',
      'too_many_databases',
      'quota_exceeded',
      'copy_impossible',
      'copy_cut_off',
      'took_too_long',
    ],
  }),
}
