import * as z from 'zod'
import { MemberRole, operation } from './operation.ts'
import { Slug, Timestamp } from './values.ts'

const UserId = z.string().min(1).max(80)
const done = <K extends string>(what: K) => z.object({ [what]: z.literal(true) } as Record<K, z.ZodLiteral<true>>)

export const Membership = z.object({
  id: z.string(),
  slug: Slug,
  role: MemberRole,
  status: z.enum(['active', 'suspended']),
  createdAt: Timestamp,
  /** Databases that are shared with a viewer for editing; empty for other roles. */
  edits: z.array(Slug),
})
export type Membership = z.infer<typeof Membership>

/** The credit that a new namespace starts with. */
export const WelcomeCredit = z.object({
  amountUsd: z.number(),
  /**
   * The reason for an amount of 0: the person had the credit for another namespace, the person's account isn't verified,
   * or the operator gives no credit. `null` if the namespace has the credit.
   */
  reason: z.enum(['already_received', 'not_verified', 'disabled']).nullable(),
})
export type WelcomeCredit = z.infer<typeof WelcomeCredit>

export const Member = z.object({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  role: MemberRole,
  joinedAt: Timestamp,
})
export type Member = z.infer<typeof Member>

/** The roles that members can invite to. Only a member can become an owner. */
const InvitedRole = z.enum(['viewer', 'editor', 'admin'])

export const Invitation = z.object({
  id: z.string(),
  email: z.string(),
  /** `owner` only for invitations by the operator of the instance. */
  role: MemberRole,
  createdAt: Timestamp,
  expiresAt: Timestamp,
})
export type Invitation = z.infer<typeof Invitation>

export const Share = z.object({
  userId: z.string(),
  email: z.string(),
  role: z.enum(['viewer', 'editor']),
})
export type Share = z.infer<typeof Share>

/** Operations on namespaces, members, invitations, shares and the audit log. */
export const members = {
  list_my_namespaces: operation({
    summary: 'List the namespaces you are a member of',
    route: 'GET /api/namespaces',
    scope: 'account',
    input: z.strictObject({}),
    output: z.array(Membership),
  }),

  create_my_namespace: operation({
    summary: 'Create a namespace and become its owner',
    route: 'POST /api/namespaces',
    scope: 'account',
    input: z.strictObject({ slug: Slug }),
    output: Membership.extend({ welcomeCredit: WelcomeCredit }),
    errors: ['slug_taken', 'too_many_namespaces'],
  }),

  get_namespace: operation({
    summary: 'Get a namespace and your role in it',
    route: 'GET /api/namespaces/{ns}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({}),
    output: Membership,
  }),

  delete_namespace: operation({
    summary: "Delete a namespace with all its databases and tokens; the slug can't be reused",
    route: 'DELETE /api/namespaces/{ns}',
    scope: 'member',
    role: 'owner',
    input: z.strictObject({}),
    output: done('deleted'),
    errors: ['delete_protected'],
  }),

  list_members: operation({
    summary: 'List the members of a namespace',
    route: 'GET /api/namespaces/{ns}/members',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({}),
    output: z.array(Member),
  }),

  set_member_role: operation({
    summary: "Change a member's role; only owners can add or remove owners, and anyone can step down",
    route: 'PATCH /api/namespaces/{ns}/members/{userId}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({ userId: UserId, role: MemberRole }),
    output: Member,
    errors: ['role_insufficient', 'member_not_found', 'last_owner'],
  }),

  remove_member: operation({
    summary:
      'Remove a member, or leave the namespace; revokes apps the member authorized, but not tokens the member created',
    route: 'DELETE /api/namespaces/{ns}/members/{userId}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({ userId: UserId }),
    output: done('removed'),
    errors: ['role_insufficient', 'member_not_found', 'last_owner'],
  }),

  list_invitations: operation({
    summary: 'List pending invitations',
    route: 'GET /api/namespaces/{ns}/invitations',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({}),
    output: z.array(Invitation),
  }),

  create_invitation: operation({
    summary: 'Invite someone by email; without email set up, the response contains the link',
    route: 'POST /api/namespaces/{ns}/invitations',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ email: z.email().max(200), role: InvitedRole }),
    output: Invitation.extend({ link: z.url().optional() }),
    errors: ['already_member', 'mail_failed'],
  }),

  revoke_invitation: operation({
    summary: 'Revoke an invitation',
    route: 'DELETE /api/namespaces/{ns}/invitations/{id}',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ id: z.string().min(1).max(40) }),
    output: done('revoked'),
    errors: ['invitation_not_found'],
  }),

  accept_invitation: operation({
    summary: 'Accept an invitation; works once',
    route: 'POST /api/invitations/{token}/accept',
    scope: 'account',
    input: z.strictObject({ token: z.string().min(1).max(200) }),
    output: Membership,
    errors: ['invitation_not_found', 'already_member'],
  }),

  list_shares: operation({
    summary: 'List members with access to a database beyond their member role',
    route: 'GET /api/namespaces/{ns}/databases/{slug}/shares',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug }),
    output: z.array(Share),
    errors: ['database_not_found'],
  }),

  share_database: operation({
    summary: 'Give a viewer edit access to one database, or set it back to view only',
    route: 'POST /api/namespaces/{ns}/databases/{slug}/shares',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug, email: z.email().max(200), role: Share.shape.role }),
    output: Share,
    errors: ['database_not_found', 'member_not_found'],
  }),

  unshare_database: operation({
    summary: "Remove a member's extra access to a database",
    route: 'DELETE /api/namespaces/{ns}/databases/{slug}/shares/{userId}',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug, userId: UserId }),
    output: done('removed'),
    errors: ['database_not_found', 'member_not_found'],
  }),

  list_audit: operation({
    summary: 'List audit log entries, newest first',
    route: 'GET /api/namespaces/{ns}/audit',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({
      limit: z.int().min(1).max(500).default(100),
      /** Only entries with a lower ID. */
      before: z.int().min(1).optional(),
      /** One action, such as `token.created`, or a prefix, such as `token`. */
      action: z.string().min(1).max(80).optional(),
    }),
    output: z.array(
      z.object({
        id: z.int(),
        at: Timestamp,
        actor: z.string(),
        action: z.string(),
        target: z.string(),
        detail: z.record(z.string(), z.json()),
      }),
    ),
  }),
}
