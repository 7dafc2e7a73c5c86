import type { Insights } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'
import { formatAgo, formatMs, formatNumber } from '../../../ui/format.ts'
import { Table } from '../../../ui/table.tsx'

/** The statements that were slow or failed. */
export const RecentTable = ({ recent }: { recent: Insights['recent'] }) => (
  <Table
    label="Slow and failed statements"
    rows={recent}
    getKey={({ id }) => id}
    columns={[
      {
        name: 'Statement',
        cell: ({ sqlText, errorMessage, transactionId }) => (
          <span className="grid max-w-xl min-w-48 gap-1">
            <code className="line-clamp-4 font-mono text-sm font-normal break-words">{sqlText}</code>
            {errorMessage && <span className="text-sm font-normal break-words text-danger">{errorMessage}</span>}
            {transactionId && (
              <span className="text-sm font-normal text-muted">
                Transaction <code className="font-mono break-all">{transactionId}</code>
              </span>
            )}
          </span>
        ),
      },
      {
        name: 'Reason',
        cell: ({ status }) => (
          <Badge tone={status === 'error' ? 'danger' : 'warning'}>{status === 'error' ? 'Failed' : 'Slow'}</Badge>
        ),
      },
      { name: 'Duration', isNumber: true, cell: ({ durationMs }) => formatMs(durationMs) },
      { name: 'Rows read', isNumber: true, isExtra: true, cell: ({ rowsRead }) => formatNumber(rowsRead) },
      { name: 'Rows written', isNumber: true, isExtra: true, cell: ({ rowsWritten }) => formatNumber(rowsWritten) },
      { name: 'Time', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
    ]}
  />
)
