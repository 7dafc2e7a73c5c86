import { Plus } from 'lucide-react'
import { Link, useParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo } from '../../../ui/format.ts'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { EndpointDetail } from './detail.tsx'
import { NewEndpoint } from './new-endpoint.tsx'
import { SessionKey } from './session-key.tsx'
import { KINDS } from './spec-draft.ts'
import { StatusBadge } from './status-badge.tsx'

/** The endpoints of a database, the form for a new one, or the endpoint in the URL. */
export function EndpointsPage() {
  const slug = useParams()['*']
  const [asked, ask] = useQueryParam('new')
  if (slug) return <EndpointDetail key={slug} slug={slug} />
  return asked === null ? <Endpoints onNew={() => ask('')} /> : <NewEndpoint close={() => ask(undefined)} />
}

function Endpoints({ onNew }: { onNew: () => void }) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const mayChange = useCan('editor')
  const mayRotate = useCan('admin')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/endpoints', { ns, db })
  const make = mayChange && (
    <Button look="primary" onClick={onNew}>
      <Plus aria-hidden className="size-4" />
      New endpoint
    </Button>
  )
  return (
    <Page title="Endpoints" lead="Publish an SQL statement as an HTTP API, without a backend." actions={make}>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading endpoints" />}
      {data?.length === 0 && (
        <EmptyState title="No endpoints yet" action={make}>
          An endpoint is one SQL statement with a public URL. You define its inputs and who can call it. Callers can't
          reach anything else in the database.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <Table
          label="Endpoints"
          rows={data}
          getKey={({ slug }) => slug}
          columns={[
            {
              name: 'Name',
              cell: ({ slug, name }) => (
                <span className="grid gap-0.5">
                  <Link
                    className="text-accent underline-offset-2 hover:underline"
                    to={databasePath(ns, db, 'endpoints', slug)}
                  >
                    {name}
                  </Link>
                  <code className="font-mono text-sm font-normal text-muted">{slug}</code>
                </span>
              ),
            },
            { name: 'Status', cell: ({ status }) => <StatusBadge status={status} /> },
            { name: 'Type', isExtra: true, cell: ({ spec }) => KINDS[spec.kind].name },
            { name: 'Version', isNumber: true, isExtra: true, cell: ({ version }) => version },
            { name: 'Updated', isExtra: true, cell: ({ updatedAt }) => formatAgo(updatedAt) },
          ]}
        />
      )}
      {mayRotate && data && <SessionKey />}
    </Page>
  )
}
