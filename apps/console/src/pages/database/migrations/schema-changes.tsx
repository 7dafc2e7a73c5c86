import { useApiQuery } from '../../../api/hooks.ts'
import { useActorName } from '../../../shell/actor-names.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Badge } from '../../../ui/badge.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { capitalize, formatMoment } from '../../../ui/format.ts'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Pager } from './pager.tsx'

const TONES = { create: 'success', alter: 'accent', drop: 'danger', other: 'neutral' } as const

/** The statements that changed the schema, in migrations and outside of them. */
export function SchemaChanges() {
  const place = { ns: useNamespace(), db: useDatabase() }
  const [after, turn] = useQueryParam('older')
  const getActorName = useActorName()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/schema_changes', {
    ...place,
    ...(after !== null && { before: Number(after) }),
  })
  if (error) return <ErrorPanel error={error} onRetry={refetch} />
  if (!data) return <SkeletonRows rows={6} label="Loading schema changes" />
  if (data.length === 0 && after === null)
    return (
      <EmptyState title="No schema changes yet">
        Every CREATE, ALTER and DROP is logged here with its author, including statements outside migrations.
      </EmptyState>
    )
  return (
    <>
      <ol aria-label="Schema changes" className="grid gap-3">
        {data.map(({ id, at, actor, sql, kind, objects, migrationId }) => (
          <li key={id} className="grid min-w-0 gap-2 rounded-card border border-line bg-surface p-4">
            <div className="flex flex-wrap items-center gap-2 text-sm text-muted">
              <Badge tone={TONES[kind]}>{capitalize(kind)}</Badge>
              <time dateTime={at}>{formatMoment(at)}</time>
              <span className="wrap-anywhere">{getActorName(actor)}</span>
              {migrationId && <Badge>Migration</Badge>}
            </div>
            <code className="font-mono text-sm break-words whitespace-pre-wrap">{sql}</code>
            <p className="text-sm break-words text-muted">
              {objects
                .map(({ type, name, change, from }) => `${type} ${from ? `${from} → ` : ''}${name} ${change}`)
                .join(', ')}
            </p>
          </li>
        ))}
      </ol>
      <Pager shown={data} before={after} onTurn={turn} />
    </>
  )
}
