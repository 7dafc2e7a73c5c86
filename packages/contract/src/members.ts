import * as z from 'zod'
import { MemberRole, operation } from './operation.ts'
import { Moment, Slug } from './values.ts'

const UserId = z.string().min(1).max(80)
const done = <K extends string>(what: K) => z.object({ [what]: z.literal(true) } as Record<K, z.ZodLiteral<true>>)

export const Membership = z.object({
  id: z.string(),
  slug: Slug,
  role: MemberRole,
  status: z.enum(['active', 'suspended']),
  createdAt: Moment,
  /** Databases that a viewer may edit nevertheless, because they are shared; none for others. */
  edits: z.array(Slug),
})
export type Membership = z.infer<typeof Membership>

export const Member = z.object({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  role: MemberRole,
  joinedAt: Moment,
})
export type Member = z.infer<typeof Member>

/** Roles that members can invite to: they make an owner out of a member. */
const InvitedRole = z.enum(['viewer', 'editor', 'admin'])

export const Invitation = z.object({
  id: z.string(),
  email: z.string(),
  /** `owner` where the operator of the instance invited. */
  role: MemberRole,
  createdAt: Moment,
  expiresAt: Moment,
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
    summary: 'List the namespaces one is a member of',
    route: 'GET /api/namespaces',
    scope: 'account',
    input: z.strictObject({}),
    output: z.array(Membership),
  }),

  create_my_namespace: operation({
    summary: 'Make a namespace and become its owner',
    route: 'POST /api/namespaces',
    scope: 'account',
    input: z.strictObject({ slug: Slug }),
    output: Membership,
    errors: ['slug_taken'],
  }),

  get_namespace: operation({
    summary: 'Read one namespace and what one is in it',
    route: 'GET /api/namespaces/{ns}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({}),
    output: Membership,
  }),

  delete_namespace: operation({
    summary: 'Delete a namespace with all its databases and tokens; its slug is not given out again',
    route: 'DELETE /api/namespaces/{ns}',
    scope: 'member',
    role: 'owner',
    input: z.strictObject({}),
    output: done('deleted'),
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
    summary: 'Change what a member may do; only an owner makes or unmakes an owner, and everyone may step down',
    route: 'PATCH /api/namespaces/{ns}/members/{userId}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({ userId: UserId, role: MemberRole }),
    output: Member,
    errors: ['role_insufficient', 'member_not_found', 'last_owner'],
  }),

  remove_member: operation({
    summary:
      'Remove a member, or leave; apps the member let in are out, tokens the member minted work until they are revoked',
    route: 'DELETE /api/namespaces/{ns}/members/{userId}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({ userId: UserId }),
    output: done('removed'),
    errors: ['role_insufficient', 'member_not_found', 'last_owner'],
  }),

  list_invitations: operation({
    summary: 'List invitations that are open',
    route: 'GET /api/namespaces/{ns}/invitations',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({}),
    output: z.array(Invitation),
  }),

  create_invitation: operation({
    summary: 'Invite somebody: by mail, or with the link in the answer where no mail is set up',
    route: 'POST /api/namespaces/{ns}/invitations',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ email: z.email().max(200), role: InvitedRole }),
    output: Invitation.extend({ link: z.url().optional() }),
    errors: ['already_member', 'mail_failed'],
  }),

  revoke_invitation: operation({
    summary: 'Take an invitation back',
    route: 'DELETE /api/namespaces/{ns}/invitations/{id}',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ id: z.string().min(1).max(40) }),
    output: done('revoked'),
    errors: ['invitation_not_found'],
  }),

  accept_invitation: operation({
    summary: 'Accept an invitation, which uses it up',
    route: 'POST /api/invitations/{token}/accept',
    scope: 'account',
    input: z.strictObject({ token: z.string().min(1).max(200) }),
    output: Membership,
    errors: ['invitation_not_found', 'already_member'],
  }),

  list_shares: operation({
    summary: 'List whom a database is shared with beyond their role in the namespace',
    route: 'GET /api/namespaces/{ns}/databases/{slug}/shares',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug }),
    output: z.array(Share),
    errors: ['database_not_found'],
  }),

  share_database: operation({
    summary: 'Let a viewer of the namespace edit one database, or take that back to viewing',
    route: 'POST /api/namespaces/{ns}/databases/{slug}/shares',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug, email: z.email().max(200), role: Share.shape.role }),
    output: Share,
    errors: ['database_not_found', 'member_not_found'],
  }),

  unshare_database: operation({
    summary: 'End the sharing of a database with a member',
    route: 'DELETE /api/namespaces/{ns}/databases/{slug}/shares/{userId}',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({ slug: Slug, userId: UserId }),
    output: done('removed'),
    errors: ['database_not_found', 'member_not_found'],
  }),

  list_audit: operation({
    summary: 'Read who did what, the newest first',
    route: 'GET /api/namespaces/{ns}/audit',
    scope: 'member',
    role: 'admin',
    input: z.strictObject({
      limit: z.int().min(1).max(500).default(100),
      /** Entries older than this one's id. */
      before: z.int().min(1).optional(),
      /** One action, such as `token.created`, or what all of them begin with, such as `token`. */
      action: z.string().min(1).max(80).optional(),
    }),
    output: z.array(
      z.object({
        id: z.int(),
        at: Moment,
        actor: z.string(),
        action: z.string(),
        target: z.string(),
        detail: z.record(z.string(), z.json()),
      }),
    ),
  }),
}
