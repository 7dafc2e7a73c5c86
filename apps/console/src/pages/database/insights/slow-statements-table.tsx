import type { Insights } from '@persql/contract'
import { Link } from 'react-router'
import { Badge } from '../../../ui/badge.tsx'
import { formatAgo, formatMs, formatNumber } from '../../../ui/format.ts'
import { Table } from '../../../ui/table.tsx'

/** The duration above which a statement is slow. */
const SLOW_MS = 500

/** The statements that were slow or failed, or those of one transaction. Its ID links to the latter. */
export const RecentTable = ({ recent, search }: { recent: Insights['recent']; search: URLSearchParams }) => (
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
                Transaction{' '}
                <Link to={{ search: addTransaction(search, transactionId) }} className="underline">
                  <code className="font-mono break-all">{transactionId}</code>
                </Link>
              </span>
            )}
          </span>
        ),
      },
      {
        name: 'Reason',
        cell: ({ status, durationMs }) =>
          status === 'error' ? (
            <Badge tone="danger">Failed</Badge>
          ) : durationMs > SLOW_MS ? (
            <Badge tone="warning">Slow</Badge>
          ) : (
            <Badge>Succeeded</Badge>
          ),
      },
      { name: 'Duration', isNumber: true, cell: ({ durationMs }) => formatMs(durationMs) },
      { name: 'Rows read', isNumber: true, isExtra: true, cell: ({ rowsRead }) => formatNumber(rowsRead) },
      { name: 'Rows written', isNumber: true, isExtra: true, cell: ({ rowsWritten }) => formatNumber(rowsWritten) },
      { name: 'Time', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
    ]}
  />
)

function addTransaction(search: URLSearchParams, transactionId: string): string {
  const next = new URLSearchParams(search)
  next.set('transaction', transactionId)
  next.delete('show')
  return `${next}`
}
