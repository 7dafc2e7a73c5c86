import { Plus } from 'lucide-react'
import { Link, useNavigate, useParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo } from '../../../ui/format.ts'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { WebhookDetail } from './detail.tsx'
import { WebhookForm } from './webhook-form.tsx'
import { WebhookState } from './webhook-status.tsx'

/** The webhooks of a database, or the webhook in the URL. */
export function WebhooksPage() {
  const id = useParams()['*']
  return id ? <WebhookDetail key={id} id={id} /> : <Webhooks />
}

function Webhooks() {
  const [ns, db] = [useNamespace(), useDatabase()]
  const navigate = useNavigate()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/webhooks', { ns, db })
  const [asked, ask] = useQueryParam('webhook')
  const path = (id: string) => databasePath(ns, db, 'webhooks', id)
  const make = useCan('editor') && (
    <Button look="primary" onClick={() => ask('new')}>
      <Plus aria-hidden className="size-4" />
      New webhook
    </Button>
  )
  return (
    <Page title="Webhooks" lead="Send database changes to your server as they happen." actions={make}>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading webhooks" />}
      {data?.length === 0 && (
        <EmptyState title="No webhooks yet" action={make}>
          A webhook notifies your server when a table changes. Requests are signed and contain no row data. Failed
          deliveries are retried.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <Table
          label="Webhooks"
          rows={data}
          getKey={({ id }) => id}
          columns={[
            {
              name: 'Name',
              cell: ({ id, name, url }) => (
                <span className="grid gap-0.5">
                  <Link className="text-accent underline-offset-2 hover:underline" to={path(id)}>
                    {name}
                  </Link>
                  <span className="text-sm font-normal wrap-anywhere text-muted">{url}</span>
                </span>
              ),
            },
            { name: 'Status', cell: (webhook) => <WebhookState webhook={webhook} /> },
            { name: 'Created', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
          ]}
        />
      )}
      <Dialog open={asked === 'new'} onOpenChange={() => ask(undefined)} title="New webhook">
        <WebhookForm webhook={undefined} close={() => ask(undefined)} onSaved={({ id }) => navigate(path(id))} />
      </Dialog>
    </Page>
  )
}
