import type { Member, MemberRole } from '@persql/contract'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../../api/hooks.ts'
import { useAccount } from '../../../shell/account.ts'
import { useMembership } from '../../../shell/membership.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { capitalize, formatAgo } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { Table } from '../../../ui/table.tsx'
import { toast } from '../../../ui/toast.tsx'
import { afterOwner, mayRemove, ROLES, rolesFor } from './member-rules.ts'

/** A pending change to a member: a new role, or the removal. */
interface Change {
  member: Member
  to?: MemberRole
}

const LISTS = ['GET /api/namespaces/{ns}/members', 'GET /api/namespaces'] as const

/** The members with their roles, which can be changed with sufficient permissions. */
export function MemberTable({ members }: { members: readonly Member[] }) {
  const ns = useNamespace()
  const navigate = useNavigate()
  const mine = useMembership()?.role
  const me = useAccount().data?.user.id
  const setRole = useApiMutation('PATCH /api/namespaces/{ns}/members/{userId}', LISTS)
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/members/{userId}', LISTS)
  const [change, setChange] = useState<Change>()
  const confirmed = async ({ member, to }: Change) => {
    const { userId, email } = member
    if (to) {
      await setRole.mutateAsync({ ns, userId, role: to })
      return toast(`Role of ${email} changed to ${to}.`)
    }
    await remove.mutateAsync({ ns, userId })
    if (userId === me) navigate('/')
    toast(userId === me ? `You left ${ns}.` : `${email} removed.`)
  }
  return (
    <>
      <Table
        label="Members"
        rows={members}
        getKey={({ userId }) => userId}
        columns={[
          {
            name: 'Member',
            cell: ({ userId, email, name }) => (
              <span className="grid">
                <span className="wrap-anywhere">
                  {email} {userId === me && <Badge>You</Badge>}
                </span>
                {name !== '' && name !== email && <span className="text-sm font-normal text-muted">{name}</span>}
              </span>
            ),
          },
          {
            name: 'Role',
            cell: (member) => {
              const roles = rolesFor(mine, member, member.userId === me)
              if (roles.length === 1) return <Badge>{capitalize(member.role)}</Badge>
              return (
                <Select
                  aria-label={`Role of ${member.email}`}
                  className="w-32"
                  value={member.role}
                  onChange={({ target }) => setChange({ member, to: target.value as MemberRole })}
                >
                  {roles.map((role) => (
                    <option key={role} value={role}>
                      {capitalize(role)}
                    </option>
                  ))}
                </Select>
              )
            },
          },
          { name: 'Joined', isExtra: true, cell: ({ joinedAt }) => formatAgo(joinedAt) },
          {
            name: 'Actions',
            isUnnamed: true,
            isNumber: true,
            cell: (member) =>
              mayRemove(mine, member, member.userId === me) && (
                <Button
                  size="small"
                  onClick={() => setChange({ member })}
                  aria-label={member.userId === me ? `Leave ${ns}` : `Remove ${member.email}`}
                >
                  {member.userId === me ? 'Leave' : 'Remove'}
                </Button>
              ),
          },
        ]}
      />
      {change && (
        <ConfirmDialog
          open
          onOpenChange={() => setChange(undefined)}
          {...describeChange(change, members, ns, change.member.userId === me)}
          onConfirm={() => confirmed(change)}
        />
      )}
    </>
  )
}

function describeChange({ member, to }: Change, members: readonly Member[], ns: string, isSelf: boolean) {
  const { email } = member
  const heir = to === 'owner' ? undefined : afterOwner(members, member)
  if (to) {
    return {
      title: isSelf ? `Change your role to ${to}?` : `Change the role of ${email} to ${to}?`,
      description: [ROLES[to], isSelf && "You can't undo this yourself.", heir].filter(Boolean).join(' '),
      action: 'Change role',
    }
  }
  if (isSelf) {
    const kept = 'Tokens you created keep working until an admin revokes them. Apps you authorized lose access.'
    return { title: `Leave ${ns}?`, description: [kept, heir].filter(Boolean).join(' '), action: 'Leave namespace' }
  }
  return {
    title: `Remove ${email}?`,
    description:
      'Tokens they created keep working until you revoke them. Apps they authorized lose access. You can invite them again.',
    action: 'Remove member',
  }
}
