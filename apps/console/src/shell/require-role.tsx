import type { MemberRole } from '@persql/contract'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { EmptyState } from '../ui/empty-state.tsx'
import { useCan, useMembership } from './membership.ts'
import { namespacePath, useNamespace } from './paths.ts'

interface NeedsRoleProps {
  least: MemberRole
  /** The content that needs the role, as the message names it. */
  what: string
  children: ReactNode
}

/** Renders its children for members with at least this role. Others see which role they need and whom to ask. */
export function RequireRole({ least, what, children }: NeedsRoleProps) {
  const ns = useNamespace()
  const mine = useMembership()?.role
  if (useCan(least)) return children
  return (
    <EmptyState title={`For ${least === 'owner' ? 'owners' : 'admins and owners'} only`}>
      {what} Your role is {mine}. Ask {least === 'owner' ? 'an owner' : 'an admin or owner'} for access:{' '}
      <Link className="text-accent underline" to={namespacePath(ns, 'settings', 'members')}>
        Members
      </Link>
    </EmptyState>
  )
}
