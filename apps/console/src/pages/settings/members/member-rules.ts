import type { Member, MemberRole } from '@persql/contract'

/** The permissions of each member role, in one sentence. */
export const ROLES: Readonly<Record<MemberRole, string>> = {
  viewer: 'Can view every database and run read-only queries.',
  editor: 'Can also create databases and change rows, schemas and endpoints.',
  admin:
    'Can also delete databases, apply migrations, merge, restore, import, read the audit log, and manage approval rules, tokens and members.',
  owner: 'Can also manage billing and delete the namespace.',
}

const RANKS: readonly MemberRole[] = ['viewer', 'editor', 'admin', 'owner']

/** Returns the roles that `mine` can give a member: admins manage all but owners, and everyone can step down. */
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

/** Returns whether `mine` can remove a member. */
export const mayRemove = (mine: MemberRole | undefined, member: Member, isSelf: boolean): boolean =>
  isSelf || mine === 'owner' || (mine === 'admin' && member.role !== 'owner')

/** Returns what happens if a sole owner leaves or steps down, or `undefined` if another owner stays. */
export function afterOwner(members: readonly Member[], member: Member): string | undefined {
  if (member.role !== 'owner' || members.some(({ role, userId }) => role === 'owner' && userId !== member.userId))
    return
  const [senior] = members
    .filter(({ role }) => role === 'admin')
    .sort((a, b) => Date.parse(a.joinedAt) - Date.parse(b.joinedAt))
  return senior
    ? `${senior.email}, the longest-standing admin, becomes the owner.`
    : 'A namespace needs an owner. Make another member an owner or admin first.'
}
