import type { ApprovalRequiredError, QueryMeta } from '@persql/sdk'
import { useMutation } from '@tanstack/react-query'
import { type CallOutput, callWithMeta } from '../../api/client.ts'
import { useApiQuery } from '../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'

const REDEEM = 'POST /api/namespaces/{ns}/databases/{db}/redeem_approval'

interface ApprovalPanelProps {
  error: ApprovalRequiredError
  onRedeemed: (answer: { data: CallOutput<typeof REDEEM>; meta?: QueryMeta }) => void
}

/** A write that needs approval: the approval link, the status, and the button to run the write after the approval. */
export function ApprovalPanel({
  error: { approvalToken: token, approvalUrl, message },
  onRedeemed,
}: ApprovalPanelProps) {
  const ns = useNamespace()
  const db = useDatabase()
  const { data, error } = useApiQuery(
    'GET /api/namespaces/{ns}/databases/{db}/approvals/{token}',
    { ns, db, token },
    { refetchInterval: 3000 },
  )
  const redeem = useMutation({
    mutationFn: () => callWithMeta(REDEEM, { ns, db, approvalToken: token }),
    onSuccess: onRedeemed,
  })
  const status = data?.status ?? 'pending'
  return (
    <div
      role="alert"
      className="grid justify-items-start gap-3 rounded-card border border-warning/40 bg-warning-soft p-4"
    >
      <p className="font-medium">{message}</p>
      {status === 'pending' && <p>Anyone with edit access can approve it. This page updates automatically.</p>}
      {status === 'approved' && <p>Approved. Run it now.</p>}
      {(status === 'denied' || status === 'expired') && (
        <p>
          {status === 'denied' ? 'Denied' : 'Expired'}. Nothing was written.{data?.note && ` Note: ${data.note}`}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {status === 'pending' && (
          <Button asChild>
            <a href={approvalUrl} target="_blank" rel="noreferrer">
              Review request
            </a>
          </Button>
        )}
        {(status === 'approved' || status === 'pending') && (
          <Button
            look="primary"
            disabled={status !== 'approved'}
            busy={redeem.isPending}
            onClick={() => redeem.mutate()}
          >
            Run approved write
          </Button>
        )}
      </div>
      {(redeem.error ?? error) && <ErrorPanel error={redeem.error ?? error} />}
    </div>
  )
}
