import * as z from 'zod'
import { Invitation, Member } from './members.ts'
import { MemberRole, operation } from './operation.ts'
import { MintedToken } from './tokens.ts'
import { Slug, Timestamp } from './values.ts'

export const NamespaceStatus = z.object({
  id: z.string(),
  slug: Slug,
  createdAt: Timestamp,
  /** `unavailable` if the namespace doesn't respond, so its balance is unknown. */
  status: z.enum(['active', 'suspended', 'unavailable']),
  balanceUsd: z.number().nullable(),
  /** The balance minus the sum of the ledger and today's usage at the last daily check. Always 0 unless there is a fault. */
  driftUsd: z.number().nullable(),
})
const Note = z.string().trim().min(1).max(500)

/** Operations of the operator, and the status that anyone can read. */
export const operator = {
  create_namespace: operation({
    summary: 'Create a namespace and a database unless they exist, and create an admin token',
    route: 'POST /api/operator/namespaces',
    scope: 'operator',
    input: z.strictObject({ slug: Slug, database: Slug, tokenName: z.string().trim().min(1).max(80) }),
    output: z.object({
      namespace: z.object({ id: z.string(), slug: Slug }),
      database: z.object({
        slug: Slug,
        /** `false` if the namespace had this database before. */
        created: z.boolean(),
      }),
      token: MintedToken,
      /** `false` if the namespace existed before. */
      created: z.boolean(),
    }),
    errors: ['slug_taken', 'too_many_databases'],
  }),

  list_namespaces: operation({
    summary: 'List the namespaces of this instance with their balance and its drift from the ledger',
    route: 'GET /api/operator/namespaces',
    scope: 'operator',
    input: z.strictObject({}),
    output: z.array(NamespaceStatus),
  }),

  credit_namespace: operation({
    summary: "Add to or subtract from a namespace's balance",
    route: 'POST /api/operator/namespaces/{ns}/credit',
    scope: 'operator',
    input: z.strictObject({
      ns: Slug,
      amountUsd: z
        .number()
        .min(-1_000_000)
        .max(1_000_000)
        .refine((usd) => usd !== 0, 'must not be 0'),
      note: Note,
      /** A credit with the same reference is applied once. */
      ref: z.string().min(1).max(200).optional(),
    }),
    output: z.object({ balanceUsd: z.number() }),
    errors: ['namespace_not_found'],
  }),

  suspend_namespace: operation({
    summary: 'Suspend a namespace: calls are refused, data is kept, and storage is still billed',
    route: 'POST /api/operator/namespaces/{ns}/suspend',
    scope: 'operator',
    input: z.strictObject({ ns: Slug, note: Note }),
    output: z.object({ status: z.literal('suspended') }),
    errors: ['namespace_not_found'],
  }),

  resume_namespace: operation({
    summary: 'Resume a suspended namespace',
    route: 'POST /api/operator/namespaces/{ns}/resume',
    scope: 'operator',
    input: z.strictObject({ ns: Slug, note: Note }),
    output: z.object({ status: z.literal('active') }),
    errors: ['namespace_not_found'],
  }),

  invite_to_namespace: operation({
    summary: 'Invite a member to a namespace by email; without email set up, the response contains the link',
    route: 'POST /api/operator/namespaces/{ns}/invite',
    scope: 'operator',
    input: z.strictObject({ ns: Slug, email: z.email().max(200), role: MemberRole }),
    output: Invitation.extend({ link: z.url().optional() }),
    errors: ['namespace_not_found', 'already_member', 'mail_failed'],
  }),

  make_namespace_owner: operation({
    summary: 'Make a member, or the account with a verified email address, an owner of a namespace',
    route: 'POST /api/operator/namespaces/{ns}/owner',
    scope: 'operator',
    input: z.strictObject({ ns: Slug, email: z.email().max(200), note: Note.optional() }),
    output: Member,
    errors: ['namespace_not_found', 'account_not_found', 'email_not_verified'],
  }),

  get_status: operation({
    summary: 'Check whether the balances of all namespaces match their ledgers',
    route: 'GET /api/status',
    scope: 'anyone',
    input: z.strictObject({}),
    output: z.object({
      ok: z.boolean(),
      namespaces: z.int(),
      drifting: z.int(),
      lastReconcileAt: Timestamp.nullable(),
    }),
  }),
}
