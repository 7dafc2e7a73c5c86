import type { Webhook } from '@persql/contract'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Card, Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'
import { Deliveries } from './deliveries.tsx'
import { WebhookForm } from './webhook-form.tsx'
import { WebhookState } from './webhook-status.tsx'

const ONE = 'GET /api/namespaces/{ns}/databases/{db}/webhooks/{id}'
const LIST = 'GET /api/namespaces/{ns}/databases/{db}/webhooks'

/** The page of a webhook: secret, test and deliveries. */
export function WebhookDetail({ id }: { id: string }) {
  const where = { ns: useNamespace(), db: useDatabase(), id }
  const { data, error, refetch } = useApiQuery(ONE, where)
  const back = databasePath(where.ns, where.db, 'webhooks')
  return (
    <Page
      title={data?.name ?? 'Webhook'}
      lead={data?.url}
      back={{ to: back, name: 'All webhooks' }}
      actions={data && <WebhookActions webhook={data} back={back} />}
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={6} label="Loading webhook" />}
      {data && (
        <>
          <Card title="Status">
            <WebhookState webhook={data} />
          </Card>
          <Secret webhook={data} />
          <Deliveries id={id} />
        </>
      )}
    </Page>
  )
}

function WebhookActions({ webhook, back }: { webhook: Webhook; back: string }) {
  const where = { ns: useNamespace(), db: useDatabase(), id: webhook.id }
  const navigate = useNavigate()
  const [asked, ask] = useQueryParam('do')
  const [isLeaving, setLeaving] = useState(false)
  const test = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/webhooks/{id}/test')
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/webhooks/{id}', [ONE, LIST])
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/webhooks/{id}', [LIST])
  const failure = test.error ?? update.error
  const send = async () => {
    const came = await test.mutateAsync(where).catch(() => undefined)
    if (came)
      toast(came.delivered ? `Test event delivered (${came.responseStatus}).` : `Delivery failed: ${came.error}`)
  }
  const toggle = () => update.mutateAsync({ ...where, enabled: !webhook.enabled }).catch(() => undefined)
  return (
    <>
      <Button busy={test.isPending} onClick={send}>
        Send test event
      </Button>
      <Button onClick={() => ask('edit')}>Edit</Button>
      <Button busy={update.isPending} onClick={toggle}>
        {webhook.enabled ? 'Pause' : 'Resume'}
      </Button>
      <Button look="soft-danger" onClick={() => setLeaving(true)}>
        Delete
      </Button>
      {failure && <ErrorPanel error={failure} />}
      <Dialog open={asked === 'edit'} onOpenChange={() => ask(undefined)} title="Edit webhook">
        <WebhookForm webhook={webhook} close={() => ask(undefined)} onSaved={() => ask(undefined)} />
      </Dialog>
      <ConfirmDialog
        open={isLeaving}
        onOpenChange={setLeaving}
        title={`Delete “${webhook.name}”?`}
        description="Deletes pending deliveries too. This can't be undone."
        action="Delete webhook"
        onConfirm={async () => {
          await remove.mutateAsync(where)
          navigate(back)
          toast(`“${webhook.name}” deleted.`)
        }}
      />
    </>
  )
}

function Secret({ webhook: { id, secret } }: { webhook: Webhook }) {
  const where = { ns: useNamespace(), db: useDatabase(), id }
  const [isShown, setShown] = useState(false)
  const [isAsked, setAsked] = useState(false)
  const rotate = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/webhooks/{id}/rotate-secret', [ONE])
  return (
    <Card
      title="Signing secret"
      actions={
        <span className="flex flex-wrap gap-2">
          <Button size="small" onClick={() => setShown(!isShown)}>
            {isShown ? 'Hide secret' : 'Show secret'}
          </Button>
          <Button size="small" onClick={() => setAsked(true)}>
            Rotate secret
          </Button>
        </span>
      }
    >
      <p className="text-muted">
        Each request has an <code className="font-mono">X-PerSQL-Signature</code> header, signed with this secret.
        Verify it before you trust the payload.
      </p>
      <CodeBlock
        label="Signing secret"
        code={isShown ? secret : `${secret.slice(0, 6)}${'•'.repeat(16)}`}
        copies={secret}
      />
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title="Rotate signing secret?"
        description="New deliveries are signed with the new secret. Deliveries your server rejects in the meantime are retried."
        action="Rotate secret"
        onConfirm={async () => {
          await rotate.mutateAsync(where)
          setShown(true)
          toast('Signing secret rotated.')
        }}
      />
    </Card>
  )
}
