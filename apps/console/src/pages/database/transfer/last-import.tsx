import { useApiQuery } from '../../../api/hooks.ts'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo, formatBytes, formatCount } from '../../../ui/format.ts'
import { ProgressBar } from './progress-bar.tsx'

const ROUTE = 'GET /api/namespaces/{ns}/databases/{db}/import'

interface Place {
  ns: string
  db: string
}

/** The import in progress, from any client, or the result of the last one. */
export function LastImport(place: Place) {
  const { data, error, refetch } = useApiQuery(ROUTE, place, { refetchInterval: 5_000 })
  if (error && !data) return <ErrorPanel error={error} onRetry={refetch} />
  const last = data?.import
  if (!last) return <p className="text-sm text-muted">{data ? 'No imports yet.' : 'Loading…'}</p>
  if (last.state === 'receiving' || last.state === 'applying') return <UnderWay {...place} />
  const when = formatAgo(last.endedAt ?? last.startedAt)
  return (
    <p className="text-sm break-words text-muted">
      {last.state === 'done'
        ? `Last import ${when}: ${formatCount(last.rows, 'row')}, ${formatBytes(last.bytes)}.`
        : `The last import failed ${when}: ${last.error ?? 'the import was interrupted.'}`}
    </p>
  )
}

/** Refreshes more often while the import runs. */
function UnderWay(place: Place) {
  const last = useApiQuery(ROUTE, place, { refetchInterval: 1_000 }).data?.import
  if (!last) return null
  const total = last.totalBytes === null ? '' : ` of ${formatBytes(last.totalBytes)}`
  return (
    <ProgressBar
      label={last.state === 'receiving' ? 'Receiving file…' : 'Writing rows while other requests wait…'}
      value={last.bytes}
      max={last.state === 'receiving' ? last.totalBytes : null}
      text={`${formatBytes(last.bytes)}${total}, ${formatCount(last.rows, 'row')}`}
    />
  )
}
