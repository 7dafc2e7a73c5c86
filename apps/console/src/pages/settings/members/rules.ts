import type { Member, MemberRole } from '@persql/contract'

/** What a role lets a member do, in a sentence. */
export const ROLES: Readonly<Record<MemberRole, string>> = {
  viewer: 'Looks at everything and runs queries that read.',
  editor: 'Makes databases and changes rows, schemas and endpoints too.',
  admin: 'Sees to tokens, members, migrations and the audit log too.',
  owner: 'Pays, and may delete the namespace.',
}

const RANKS: readonly MemberRole[] = ['viewer', 'editor', 'admin', 'owner']

/** Which roles `mine` may give a member: admins see to all but owners, everyone may step down. */
export function rolesFor(mine: MemberRole | undefined, member: Member, isSelf: boolean): MemberRole[] {
  if (mine === undefined) return [member.role]
  return RANKS.filter(
    (role) =>
      role === member.role ||
      mine === 'owner' ||
      (mine === 'admin' && member.role !== 'owner' && role !== 'owner') ||
      (isSelf && RANKS.indexOf(role) < RANKS.indexOf(member.role)),
  )
}

/** Whether `mine` may remove a member. */
export const mayRemove = (mine: MemberRole | undefined, member: Member, isSelf: boolean): boolean =>
  isSelf || mine === 'owner' || (mine === 'admin' && member.role !== 'owner')

/** What becomes of a namespace whose only owner goes or steps down; `undefined` where another owner stays. */
export function afterOwner(members: readonly Member[], member: Member): string | undefined {
  if (member.role !== 'owner' || members.some(({ role, userId }) => role === 'owner' && userId !== member.userId))
    return
  const [senior] = members
    .filter(({ role }) => role === 'admin')
    .sort((a, b) => Date.parse(a.joinedAt) - Date.parse(b.joinedAt))
  return senior
    ? `${senior.email} becomes owner, as the admin who has been here the longest.`
    : 'There has to be an owner: make somebody else owner or admin first.'
}
