import type { EndpointTraffic } from '@persql/contract'
import { useApiQuery } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { BarChart } from '../../../ui/bar-chart.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo, formatMoment, formatMs, formatNumber, formatUsd } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'
import { Tile, Tiles } from '../../../ui/stat-tiles.tsx'
import { Table } from '../../../ui/table.tsx'

const WINDOWS = { '1': 'Last hour', '24': 'Last 24 hours', '168': 'Last 7 days' }
const SERIES = [
  { id: 'answered', name: 'Succeeded' },
  { id: 'failed', name: 'Failed' },
]

/** Statistics of an endpoint: calls, durations, costs and errors. */
export function Traffic({ slug }: { slug: string }) {
  const [asked, ask] = useQueryParam('hours')
  const hours = asked && Object.hasOwn(WINDOWS, asked) ? asked : '24'
  const { data, error, refetch } = useApiQuery(
    'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/traffic',
    { ns: useNamespace(), db: useDatabase(), slug, hours: Number(hours) },
    { keepsBefore: true },
  )
  return (
    <div className="grid min-w-0 gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-muted">
          Only calls that ran the statement. Calls rejected before, for example by the rate limit, aren't counted.
        </p>
        <Select aria-label="Period" className="w-auto" value={hours} onChange={({ target }) => ask(target.value)}>
          {Object.entries(WINDOWS).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </Select>
      </div>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!error && <Figures traffic={data} />}
      {data && <Calls {...data} />}
      {data && data.failures.length > 0 && <Failures failures={data.failures} />}
    </div>
  )
}

const Figures = ({ traffic }: { traffic: EndpointTraffic | undefined }) => (
  <Tiles className="sm:grid-cols-3 lg:grid-cols-6">
    <Tile name="Calls">{traffic && formatNumber(traffic.calls)}</Tile>
    <Tile name="Failed">{traffic && formatNumber(traffic.failed)}</Tile>
    <Tile name="p50">{traffic && formatMs(traffic.p50DurationMs)}</Tile>
    <Tile name="p95">{traffic && formatMs(traffic.p95DurationMs)}</Tile>
    <Tile name="Rows read">{traffic && formatNumber(traffic.rowsRead)}</Tile>
    <Tile name="Cost">{traffic && formatUsd(traffic.costUsd)}</Tile>
  </Tiles>
)

function Calls({ calls, parts }: EndpointTraffic) {
  if (calls === 0) {
    return (
      <EmptyState title="No calls in this period">
        Calls appear here with their duration. Copy a snippet from “Call the endpoint” to try it.
      </EmptyState>
    )
  }
  const bars = parts.map(({ from, calls, failed }) => ({ name: formatMoment(from), values: [calls - failed, failed] }))
  return (
    <Card title="Calls over time">
      <BarChart label="Succeeded and failed calls, in 24 intervals" series={SERIES} bars={bars} format={formatNumber} />
    </Card>
  )
}

const Failures = ({ failures }: { failures: EndpointTraffic['failures'] }) => (
  <Table
    label="Failed calls"
    rows={failures}
    getKey={({ id }) => id}
    columns={[
      { name: 'Reason (not shown to callers)', cell: ({ message }) => message },
      { name: 'Time', cell: ({ at }) => formatAgo(at) },
    ]}
  />
)
