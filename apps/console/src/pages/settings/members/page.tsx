import { UserPlus } from 'lucide-react'
import { useSearchParams } from 'react-router'
import { useCall } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/address.ts'
import { useMay } from '../../../shell/membership.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Invitations } from './invitations.tsx'
import { Invite } from './invite.tsx'
import { MemberTable } from './member-table.tsx'
import { ROLES } from './rules.ts'

/** The people of a namespace, and those invited to it. */
export function MembersPage() {
  const ns = useNamespace()
  const mayInvite = useMay('admin')
  const { data, error, refetch } = useCall('GET /api/namespaces/{ns}/members', { ns })
  const [search, setSearch] = useSearchParams()
  const ask = (isAsked: boolean) => setSearch(isAsked ? { invite: '' } : {})
  return (
    <Page
      title="Members"
      lead="Everybody here sees all databases. A viewer can be let edit a single one on its Sharing page."
      actions={
        mayInvite && (
          <Button look="primary" onClick={() => ask(true)}>
            <UserPlus aria-hidden className="size-4" />
            Invite
          </Button>
        )
      }
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading members" />}
      {data && <MemberTable members={data} />}
      {mayInvite && <Invitations onInvite={() => ask(true)} />}
      <section className="grid gap-2 text-sm">
        <h2 className="text-lg font-semibold">What a role may do</h2>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
          {Object.entries(ROLES).map(([role, text]) => (
            <div key={role} className="contents">
              <dt className="font-medium">{role}</dt>
              <dd className="text-muted">{text}</dd>
            </div>
          ))}
        </dl>
        <p className="max-w-prose text-muted">
          There is always an owner. When the last one leaves or steps down, the admin who has been here the longest
          becomes owner; without an admin it is refused. Only owners make owners.
        </p>
      </section>
      <Invite open={search.has('invite')} onOpenChange={ask} />
    </Page>
  )
}
