import type { Delivery } from '@persql/contract'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { capitalize, formatAgo } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { toast } from '../../../ui/toast.tsx'
import { getEventName } from './webhook-events.ts'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/webhooks/{id}/deliveries'
const TONES = { delivered: 'success', pending: 'warning', failed: 'danger' } as const

/** Recent and pending deliveries. The list refreshes automatically. */
export function Deliveries({ id }: { id: string }) {
  const where = { ns: useNamespace(), db: useDatabase(), id }
  const { data, error, refetch } = useApiQuery(LIST, where, { refetchInterval: 5_000 })
  const replay = useApiMutation(
    'POST /api/namespaces/{ns}/databases/{db}/webhooks/{id}/deliveries/{deliveryId}/replay',
    [LIST],
  )
  const again = async (deliveryId: string) => {
    if (await replay.mutateAsync({ ...where, deliveryId }).catch(() => undefined)) toast('Redelivery queued.')
  }
  return (
    <Card title="Deliveries">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {replay.error && <ErrorPanel error={replay.error} />}
      {!data && !error && <SkeletonRows label="Loading deliveries" />}
      {data?.length === 0 && (
        <p className="text-muted">
          No deliveries yet. Change a row to trigger one. Test deliveries aren't listed here.
        </p>
      )}
      {data && data.length > 0 && (
        <Table
          label="Deliveries"
          rows={data}
          getKey={(one) => one.id}
          columns={[
            { name: 'Event', cell: ({ event }) => formatEvent(event) },
            { name: 'Status', cell: (one) => <Status {...one} /> },
            { name: 'Attempts', isNumber: true, isExtra: true, cell: ({ attempts }) => attempts },
            { name: 'Time', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
            {
              name: 'Actions',
              isUnnamed: true,
              isNumber: true,
              cell: (one) => (
                <Button
                  size="small"
                  busy={replay.isPending && replay.variables.deliveryId === one.id}
                  onClick={() => again(one.id)}
                >
                  Redeliver
                </Button>
              ),
            },
          ]}
        />
      )}
    </Card>
  )
}

/** Formats an event. After a restore, for example, any table can have changed: kind `unknown` on table `*`. */
function formatEvent({ kind, type, table }: Delivery['event']): string {
  const where = table === '*' ? 'any table' : table
  return [getEventName(kind ?? type), where].filter(Boolean).join(', ')
}

const Status = ({ status, responseStatus, error, nextAttemptAt }: Delivery) => (
  <span className="grid max-w-80 justify-items-start gap-1">
    <Badge tone={TONES[status]}>
      {capitalize(status)}
      {responseStatus !== null && ` ${responseStatus}`}
    </Badge>
    {error && <span className="text-sm break-words text-muted">{error}</span>}
    {status === 'pending' && nextAttemptAt && (
      <span className="text-sm text-muted">Next attempt {formatAgo(nextAttemptAt)}</span>
    )}
  </span>
)
