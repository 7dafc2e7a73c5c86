import type { ApprovalStatus, ListedApproval } from '@persql/contract'
import { useApiQuery } from '../../../api/hooks.ts'
import { useActorName } from '../../../shell/actor-names.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo, formatCount } from '../../../ui/format.ts'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { RequestDialog } from './request-dialog.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/approvals'
const STATES = {
  pending: ['Pending', 'warning'],
  approved: ['Approved', 'accent'],
  redeemed: ['Done', 'success'],
  denied: ['Denied', 'danger'],
  expired: ['Expired', 'neutral'],
} as const satisfies Record<ApprovalStatus, unknown>

/** Pending writes and past decisions. The list refreshes automatically. */
export function Requests() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayDecide = useCan('editor')
  const getActorName = useActorName()
  const { data, error, refetch } = useApiQuery(LIST, where, { refetchInterval: 5_000 })
  const [open, ask] = useQueryParam('request')
  const waiting = data?.filter(({ status }) => status === 'pending').length ?? 0
  return (
    <section className="grid min-w-0 gap-3" aria-labelledby="requests">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h2 id="requests" className="text-lg font-semibold">
          Approval requests
        </h2>
        <p role="status" className="text-sm text-muted">
          {waiting > 0 && `${waiting} pending`}
        </p>
      </div>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={2} label="Loading approval requests" />}
      {data?.length === 0 && (
        <p className="text-muted">
          No pending requests. Writes that need approval appear here. A request expires after 30 minutes.
        </p>
      )}
      {data && data.length > 0 && (
        <Table
          label="Approval requests"
          rows={data}
          getKey={({ approvalToken }) => approvalToken}
          columns={[
            { name: 'Statement', cell: (one) => <Statement {...one} /> },
            { name: 'Status', cell: (one) => <Status {...one} /> },
            {
              name: 'Requested by',
              cell: ({ askedBy }) => <span className="break-words">{getActorName(askedBy) ?? '…'}</span>,
            },
            { name: 'Requested', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
            {
              name: 'Actions',
              isUnnamed: true,
              isNumber: true,
              cell: ({ approvalToken, status, sql }) => (
                <Button
                  size="small"
                  look={mayDecide && status === 'pending' ? 'primary' : 'secondary'}
                  aria-label={`${mayDecide && status === 'pending' ? 'Review' : 'View'} ${sql.slice(0, 80)}`}
                  onClick={() => ask(approvalToken)}
                >
                  {mayDecide && status === 'pending' ? 'Review' : 'View'}
                </Button>
              ),
            },
          ]}
        />
      )}
      {open && <RequestDialog key={open} token={open} close={() => ask(undefined)} />}
    </section>
  )
}

const Statement = ({ sql, statementCount }: ListedApproval) => (
  <span className="grid gap-0.5">
    <code className="line-clamp-2 max-w-80 font-mono text-sm font-normal wrap-anywhere">{sql}</code>
    {statementCount > 1 && (
      <span className="text-sm font-normal text-muted">and {formatCount(statementCount - 1, 'more statement')}</span>
    )}
  </span>
)

const Status = ({ status, expiresAt }: ListedApproval) => (
  <span className="grid justify-items-start gap-1">
    <Badge tone={STATES[status][1]}>{STATES[status][0]}</Badge>
    {status === 'pending' && (
      <span className="text-sm whitespace-nowrap text-muted">expires {formatAgo(expiresAt)}</span>
    )}
  </span>
)
