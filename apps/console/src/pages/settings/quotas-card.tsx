import type { Quota } from '@persql/contract'
import { useApiQuery } from '../../api/hooks.ts'
import { useNamespace } from '../../shell/paths.ts'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatBytes } from '../../ui/format.ts'
import { Card } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'

const NAMES: Readonly<Record<Quota['name'], string>> = {
  databases: 'Databases and branches',
  namespace_bytes: 'Storage of the namespace',
  database_bytes: 'Storage of a database',
  snapshots: 'Manual snapshots',
  replay_bytes: 'Stored responses for retries',
  exports: 'Exports at a time',
  imports: 'Imports at a time',
  subscriptions: 'WebSocket connections',
}

/** The quotas of the namespace and their use. */
export function QuotasCard() {
  const ns = useNamespace()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/quotas', { ns })
  return (
    <Card title="Quotas">
      <p className="text-muted">Only the operator of this instance can change quotas.</p>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!error && !data && <Skeleton className="h-64 w-full" />}
      {data && (
        <Table
          label="Quotas"
          rows={data}
          getKey={({ name }) => name}
          columns={[
            { name: 'Quota', cell: ({ name }) => NAMES[name] },
            {
              name: 'Applies to',
              isExtra: true,
              cell: ({ scope }) => (scope === 'namespace' ? 'Namespace' : 'Each database'),
            },
            { name: 'Highest use', isNumber: true, cell: formatUse },
            { name: 'Limit', isNumber: true, cell: ({ unit, limit }) => formatAmount(unit, limit) },
          ]}
        />
      )}
    </Card>
  )
}

function formatUse({ unit, used, database }: Quota): string {
  if (used === null) return '–'
  return database === null ? formatAmount(unit, used) : `${formatAmount(unit, used)} (${database})`
}

const formatAmount = (unit: Quota['unit'], value: number): string =>
  unit === 'bytes' ? formatBytes(value) : value.toLocaleString('en-US')
