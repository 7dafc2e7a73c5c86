import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../api/hooks.ts'
import { useCan, useMembership } from '../../shell/membership.ts'
import { useNamespace } from '../../shell/paths.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { capitalize, formatMoment } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { toast } from '../../ui/toast.tsx'
import { QuotasCard } from './quotas-card.tsx'

/** The general settings of a namespace, and its deletion. */
export function GeneralPage() {
  const ns = useNamespace()
  const membership = useMembership()
  const isOwner = useCan('owner')
  const navigate = useNavigate()
  const [isAsked, setAsked] = useState(false)
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}', ['GET /api/namespaces'])
  const remove = async () => {
    await mutateAsync({ ns })
    navigate('/')
    toast(`${ns} deleted.`)
  }
  return (
    <Page title="General">
      <Card title="Namespace">
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
          <dt className="text-muted">Name</dt>
          <dd className="font-mono wrap-anywhere">{ns}</dd>
          <dt className="text-muted">Your role</dt>
          <dd>
            <Badge>{membership ? capitalize(membership.role) : '…'}</Badge>
          </dd>
          <dt className="text-muted">Created</dt>
          <dd>{membership && formatMoment(membership.createdAt)}</dd>
        </dl>
      </Card>
      <QuotasCard />
      {isOwner && (
        <Card title="Delete namespace">
          <p className="text-muted">
            Permanently deletes the namespace with all its databases and tokens. All members lose access. The name can't
            be reused.
          </p>
          <div>
            <Button look="danger" onClick={() => setAsked(true)}>
              Delete {ns}
            </Button>
          </div>
        </Card>
      )}
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title={`Delete ${ns}?`}
        description="All databases are deleted and every token stops working immediately. This can't be undone."
        typed={ns}
        action="Delete namespace"
        onConfirm={remove}
      />
    </Page>
  )
}
