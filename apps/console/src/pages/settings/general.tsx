import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useDo } from '../../api/hooks.ts'
import { useNamespace } from '../../shell/address.ts'
import { useMay, useMembership } from '../../shell/membership.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { formatMoment } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { toast } from '../../ui/toast.tsx'

/** What a namespace is, and its end. */
export function GeneralPage() {
  const ns = useNamespace()
  const membership = useMembership()
  const isOwner = useMay('owner')
  const navigate = useNavigate()
  const [isAsked, setAsked] = useState(false)
  const { mutateAsync } = useDo('DELETE /api/namespaces/{ns}', ['GET /api/namespaces'])
  const remove = async () => {
    await mutateAsync({ ns })
    navigate('/')
    toast(`${ns} was deleted.`)
  }
  return (
    <Page title="General">
      <Card title="Namespace">
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
          <dt className="text-muted">Name</dt>
          <dd className="font-mono wrap-anywhere">{ns}</dd>
          <dt className="text-muted">Your role</dt>
          <dd>
            <Badge>{membership?.role ?? '…'}</Badge>
          </dd>
          <dt className="text-muted">Made</dt>
          <dd>{membership && formatMoment(membership.createdAt)}</dd>
        </dl>
      </Card>
      {isOwner && (
        <Card title="Delete the namespace">
          <p className="text-muted">Ends it with all databases, tokens and members. Its name is not given out again.</p>
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
        description="All its databases are gone at once, and every token stops working. This cannot be undone."
        typed={ns}
        action="Delete namespace"
        onConfirm={remove}
      />
    </Page>
  )
}
