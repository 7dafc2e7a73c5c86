import { type MemberRole, PerSQLError, SLUG } from '@persql/contract'
import { toIso } from '../../clock.ts'
import type { Person } from '../../directory/accounts.ts'
import type { Env } from '../../env.ts'
import { canSendMail, createMailer } from '../../integrations/mail.ts'
import type { MemberRow } from '../../namespace/members/members.ts'
import { hashToken, randomText } from '../../token.ts'
import { invalidateHostnames } from '../hostname-cache.ts'
import { directoryObject, namespaceObject } from '../objects.ts'
import type { MemberHandlers } from './handlers.ts'

/**
 * The secret of an invitation, `inv_<namespace>_<32 characters>`. The namespace routes the request without a lookup.
 */
const INVITATION = new RegExp(`^inv_(${SLUG})_[0-9A-Za-z]{32}$`)

/** Returns the namespace of an invitation. @throws PerSQLError `invitation_not_found` */
export function invitationNamespace(secret: string): string {
  const namespace = INVITATION.exec(secret)?.[1]
  if (!namespace) throw new PerSQLError('invitation_not_found', { instead: 'Ask for a new one.' })
  return namespace
}

/** An invitation that can be accepted. */
export interface OpenInvitation {
  readonly role: MemberRole
  /** `user:<id>` or `operator`. */
  readonly invitedBy: string | undefined
}

/**
 * Returns the invitation with this secret.
 * @throws PerSQLError `invitation_not_found` if it was accepted or revoked, or has expired
 */
export async function openInvitation(env: Env, secret: string): Promise<OpenInvitation> {
  const slug = invitationNamespace(secret)
  const invitation = (await directoryObject(env).has(slug))
    ? await namespaceObject(env, slug).people.findInvitation(await hashToken(secret))
    : undefined
  if (!invitation) throw new PerSQLError('invitation_not_found', { instead: 'Ask for a new one.' })
  return invitation
}

/** Returns a role with its article: "an editor". */
export const withArticle = (role: MemberRole): string => `${role === 'viewer' ? 'a' : 'an'} ${role}`

export const members = {
  get_namespace: (_input, { namespace, member }) => namespace.membership(member.userId),
  delete_namespace: async (_input, { namespace, slug, actor }) => {
    await namespace.delete(actor)
    invalidateHostnames(slug)
    return { deleted: true }
  },

  list_members: async (_input, { namespace, env }) => named(env, await namespace.people.list()),
  set_member_role: async ({ userId, role }, { namespace, env, member }) => {
    const [changed] = await named(env, [await namespace.people.setRole(member, userId, role)])
    return changed as NonNullable<typeof changed>
  },
  remove_member: async ({ userId }, { namespace, slug, env, member }) => {
    await namespace.people.remove(member, userId)
    await directoryObject(env).leave(userId, slug)
    return { removed: true }
  },

  list_invitations: (_input, { namespace }) => namespace.people.listInvitations(),
  create_invitation: (invited, { slug, actor, env, baseUrl }) => invite(invited, slug, actor, env, baseUrl),
  revoke_invitation: async ({ id }, { namespace, slug, env, actor }) => {
    const { email } = await namespace.people.revokeInvitation(id, actor)
    await directoryObject(env).uninvite(email, slug)
    return { revoked: true }
  },

  list_shares: async ({ slug }, { namespace, env }) => {
    const shares = await namespace.people.listShares(slug)
    const people = await peopleById(env, shares)
    return shares.map((share) => ({ ...share, email: people.get(share.userId)?.email ?? '' }))
  },
  share_database: async ({ slug, email, role }, { namespace, env, actor }) => {
    const person = await directoryObject(env).personByEmail(email)
    if (!person) throw new PerSQLError('member_not_found', { member: email })
    await namespace.people.share(slug, person.id, role, actor)
    return { userId: person.id, email: person.email, role }
  },
  unshare_database: async ({ slug, userId }, { namespace, actor }) => {
    await namespace.people.unshare(slug, userId, actor)
    return { removed: true }
  },

  list_oauth_grants: (_input, { namespace, member }) => namespace.apps.list(member.userId, member.role),
  revoke_oauth_grant: async ({ id }, { namespace, member }) => {
    const alsoRevoked = await namespace.apps.revoke(id, member.userId, member.role)
    return { revoked: true, alsoRevoked }
  },

  list_audit: ({ limit, before, action }, { namespace }) => namespace.listAudit(limit, before, action),
} satisfies MemberHandlers

/**
 * Invites a user to an existing namespace by email. Without email set up, the result contains the link.
 * @throws PerSQLError `already_member` or `mail_failed`
 */
export async function invite(
  { email: given, role }: { email: string; role: MemberRole },
  slug: string,
  actor: string,
  env: Env,
  baseUrl: string,
) {
  const { people } = namespaceObject(env, slug)
  const email = given.toLowerCase()
  const person = await directoryObject(env).personByEmail(email)
  if (person && (await people.list()).some(({ userId }) => userId === person.id)) {
    throw new PerSQLError('already_member', { member: email })
  }
  const secret = `inv_${slug}_${randomText(32)}`
  const invitation = await people.invite(email, role, await hashToken(secret), actor)
  await directoryObject(env).invite(email, slug)
  const link = `${baseUrl}/invite/${secret}`
  await createMailer(env)?.send({
    to: email,
    subject: `Join ${slug} on PerSQL`,
    text: invitationText(slug, role, link),
  })
  return canSendMail(env) ? invitation : { ...invitation, link }
}

async function named(env: Env, rows: readonly MemberRow[]) {
  const people = await peopleById(env, rows)
  return rows.map(({ userId, role, joinedAtMs }) => {
    const { email = '', name = '' } = people.get(userId) ?? {}
    return { userId, email, name, role, joinedAt: toIso(joinedAtMs) }
  })
}

async function peopleById(env: Env, rows: readonly { readonly userId: string }[]): Promise<Map<string, Person>> {
  const people = await directoryObject(env).people(rows.map(({ userId }) => userId))
  return new Map(people.map((person) => [person.id, person]))
}

const invitationText = (
  slug: string,
  role: MemberRole,
  link: string,
) => `You've been invited to join the namespace "${slug}" on PerSQL as ${withArticle(role)}. Accept the invitation:

${link}

The link works once and expires in 7 days.

If you weren't expecting this invitation, you can ignore this email.
`
