import type { Invitation } from '@persql/contract'
import { useState } from 'react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { capitalize, formatAgo } from '../../../ui/format.ts'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { toast } from '../../../ui/toast.tsx'

/** Invitations that weren't accepted yet. */
export function Invitations({ onInvite }: { onInvite: () => void }) {
  const ns = useNamespace()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/invitations', { ns })
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/invitations/{id}', [
    'GET /api/namespaces/{ns}/invitations',
  ])
  const [leaving, setLeaving] = useState<Invitation>()
  return (
    <section className="grid gap-3">
      <h2 className="text-lg font-semibold">Invitations</h2>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={1} label="Loading invitations" />}
      {data?.length === 0 && (
        <p className="p-4 text-muted">
          No pending invitations.{' '}
          <button type="button" className="text-accent underline" onClick={onInvite}>
            Invite a member
          </button>{' '}
          to work on these databases with you.
        </p>
      )}
      {data && data.length > 0 && (
        <Table
          label="Invitations"
          rows={data}
          getKey={({ id }) => id}
          columns={[
            { name: 'Email', cell: ({ email }) => <span className="wrap-anywhere">{email}</span> },
            { name: 'Role', cell: ({ role }) => <Badge>{capitalize(role)}</Badge> },
            { name: 'Expires', isExtra: true, cell: ({ expiresAt }) => formatAgo(expiresAt) },
            {
              name: 'Actions',
              isUnnamed: true,
              isNumber: true,
              cell: (invitation) => (
                <Button
                  size="small"
                  onClick={() => setLeaving(invitation)}
                  aria-label={`Revoke invitation for ${invitation.email}`}
                >
                  Revoke
                </Button>
              ),
            },
          ]}
        />
      )}
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={() => setLeaving(undefined)}
        title={`Revoke invitation for ${leaving?.email}?`}
        description="The link stops working. You can invite them again."
        action="Revoke invitation"
        onConfirm={async () => {
          if (!leaving) return
          await mutateAsync({ ns, id: leaving.id })
          toast('Invitation revoked.')
        }}
      />
    </section>
  )
}
