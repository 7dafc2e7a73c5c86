import type { Database } from '@persql/contract'
import { Copy } from 'lucide-react'
import { Fragment } from 'react'
import { Link } from 'react-router'
import { useApiQuery } from '../../api/hooks.ts'
import { useCan } from '../../shell/membership.ts'
import { usePackageSpec } from '../../shell/packages.ts'
import { databasePath, useDatabase, useNamespace } from '../../shell/paths.ts'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatMoment } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { ForkDatabase } from '../databases/fork-database.tsx'
import { StatusBadge } from '../databases/status-badge.tsx'
import { type Place, snippets } from '../welcome/snippets.ts'
import { DatabaseStatistics } from './statistics.tsx'

/** The overview of a database. */
export function OverviewPage() {
  const ns = useNamespace()
  const slug = useDatabase()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{slug}', { ns, slug })
  const mayFork = useCan('editor')
  const [forking, askFork] = useQueryParam('fork')
  return (
    <Page
      title={slug}
      actions={
        data && (
          <>
            <StatusBadge status={data.status} />
            {mayFork && (
              <Button size="small" onClick={() => askFork(slug)}>
                <Copy aria-hidden className="size-3.5" />
                Fork
              </Button>
            )}
          </>
        )
      }
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {(data || !error) && <Facts ns={ns} slug={slug} database={data} />}
      <ForkDatabase ns={ns} slug={mayFork && forking !== null ? slug : null} close={() => askFork(null)} />
    </Page>
  )
}

function Facts({ ns, slug, database: data }: { ns: string; slug: string; database: Database | undefined }) {
  const sdk = usePackageSpec()('@persql/sdk')
  const place: Place = { origin: location.origin, address: `${ns}/${slug}`, token: '$PERSQL_TOKEN', sdk }
  return (
    <>
      <DatabaseStatistics ns={ns} slug={slug} database={data} />
      <Card title="Details">
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
          <dt className="text-muted">Database address</dt>
          <dd className="font-mono wrap-anywhere">{place.address}</dd>
          <dt className="text-muted">Created</dt>
          <dd>{data ? formatMoment(data.createdAt) : <Skeleton className="h-5 w-40" />}</dd>
          {data?.forkedFrom && (
            <>
              <dt className="text-muted">{data.branchRef ? 'Branch of' : 'Forked from'}</dt>
              <dd className="font-mono">{data.forkedFrom.slug}</dd>
            </>
          )}
          {data?.expiresAt && (
            <>
              <dt className="text-muted">Expires</dt>
              <dd>{formatMoment(data.expiresAt)}</dd>
            </>
          )}
        </dl>
      </Card>
      <Card title="Connect">
        <p className="text-muted">
          Set PERSQL_TOKEN to a token of this namespace. To create a token, or to use another client, open the{' '}
          <Link className="text-accent underline" to={databasePath(ns, slug, 'connect')}>
            Connect page
          </Link>
          .
        </p>
        {snippets(place, '"')
          .slice(0, 2)
          .map(({ id, name, where, code }) => (
            <Fragment key={id}>
              <p className="text-muted wrap-anywhere">{where}:</p>
              <CodeBlock label={name} code={code} />
            </Fragment>
          ))}
      </Card>
    </>
  )
}
