import { UserPlus } from 'lucide-react'
import { useSearchParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { capitalize } from '../../../ui/format.ts'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Invitations } from './invitations.tsx'
import { Invite } from './invite.tsx'
import { ROLES } from './member-rules.ts'
import { MemberTable } from './member-table.tsx'

/** The members of a namespace and its pending invitations. */
export function MembersPage() {
  const ns = useNamespace()
  const mayInvite = useCan('admin')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/members', { ns })
  const [search, setSearch] = useSearchParams()
  const ask = (isAsked: boolean) => setSearch(isAsked ? { invite: '' } : {})
  return (
    <Page
      title="Members"
      lead="Members can see every database. To give a viewer edit access to one database, use its Sharing page."
      actions={
        mayInvite && (
          <Button look="primary" onClick={() => ask(true)}>
            <UserPlus aria-hidden className="size-4" />
            Invite member
          </Button>
        )
      }
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading members" />}
      {data && <MemberTable members={data} />}
      {mayInvite && <Invitations onInvite={() => ask(true)} />}
      <section className="grid gap-2 text-sm">
        <h2 className="text-lg font-semibold">Role permissions</h2>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
          {Object.entries(ROLES).map(([role, text]) => (
            <div key={role} className="contents">
              <dt className="font-medium">{capitalize(role)}</dt>
              <dd className="text-muted">{text}</dd>
            </div>
          ))}
        </dl>
        <p className="max-w-prose text-muted">
          A namespace always has an owner. If the last owner leaves or steps down, the longest-standing admin becomes
          owner. Without an admin, the last owner can't leave or step down. Only owners can make other members owners.
        </p>
      </section>
      <Invite open={search.has('invite')} onOpenChange={ask} />
    </Page>
  )
}
