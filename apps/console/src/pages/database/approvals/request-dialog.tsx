import type { ApprovalRequest } from '@persql/contract'
import { useState } from 'react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useActorName } from '../../../shell/actor-names.ts'
import { useCan } from '../../../shell/membership.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo, formatCount, formatMoment } from '../../../ui/format.ts'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { TextField } from '../../../ui/text-field.tsx'
import { toast } from '../../../ui/toast.tsx'

const READ = 'GET /api/approvals/{token}'
const CHANGED = [READ, 'GET /api/namespaces/{ns}/databases/{db}/approvals'] as const

interface RequestDialogProps {
  token: string
  close: () => void
}

/** The statements of an approval request, with buttons to approve or deny it. */
export function RequestDialog({ token, close }: RequestDialogProps) {
  const { data, error, refetch } = useApiQuery(READ, { token }, { refetchInterval: 5_000 })

  return (
    <Dialog open onOpenChange={close} title="Approval request">
      {error && !data && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={4} label="Loading request" />}
      {data && <About {...data} />}
      {data?.status === 'pending' ? (
        <Decision token={token} close={close} refetch={refetch} />
      ) : (
        <DialogActions>
          <Button onClick={close}>Close</Button>
        </DialogActions>
      )}
    </Dialog>
  )
}

function About(request: ApprovalRequest) {
  const { askedBy, statements, tables, rowsWritten, hits, status, expiresAt, createdAt } = request
  const getActorName = useActorName()
  const notes = [...new Set(hits.flatMap(({ note }) => (note === null ? [] : [note])))]
  return (
    <>
      <p className="wrap-anywhere">
        <strong className="font-medium">{getActorName(askedBy) ?? '…'}</strong> requested this {formatAgo(createdAt)}:
      </p>
      <div className="grid max-h-[40dvh] min-w-0 gap-2 overflow-y-auto">
        {statements.map(({ sql, params }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: statements never change and have no ID
          <div key={index} className="grid min-w-0 gap-1">
            <CodeBlock label={statements.length === 1 ? 'SQL' : `SQL ${index + 1}`} code={sql} wraps />
            {Object.keys(params).length > 0 && (
              <p className="text-sm wrap-anywhere">
                with parameters <code className="font-mono">{JSON.stringify(params)}</code>
              </p>
            )}
          </div>
        ))}
      </div>
      <p className="wrap-anywhere">
        Writes to <code className="font-mono">{tables.join(', ')}</code>. A dry run wrote{' '}
        {formatCount(rowsWritten, 'row or index entry', 'rows and index entries')}.
      </p>
      {notes.map((note) => (
        <p key={note} className="rounded-field bg-warning-soft px-3 py-2 wrap-anywhere">
          {note}
        </p>
      ))}
      {status === 'pending' ? (
        <p className="text-sm text-muted">Expires {formatMoment(expiresAt)}.</p>
      ) : (
        <p className="wrap-anywhere">{standing(request, getActorName)}</p>
      )}
    </>
  )
}

function standing(
  { status, decidedBy, note }: ApprovalRequest,
  getActorName: (actor: string) => string | undefined,
): string {
  if (status === 'expired') return 'This request expired before it ran. Ask the requester to submit it again.'
  const by = decidedBy ? ` by ${getActorName(decidedBy) ?? '…'}` : ''
  const said = note ? ` Note: ${note}` : ''
  if (status === 'denied') return `Denied${by}. Nothing was written.${said}`
  if (status === 'redeemed') return `Approved${by}. The write has run.${said}`
  return `Approved${by}. It runs once, when the requester redeems it.${said}`
}

function Decision({ token, close, refetch }: RequestDialogProps & { refetch: () => void }) {
  const mayDecide = useCan('editor')
  const [note, setNote] = useState('')
  const approve = useApiMutation('POST /api/approvals/{token}/approve', CHANGED)
  const deny = useApiMutation('POST /api/approvals/{token}/deny', CHANGED)
  const isBusy = approve.isPending || deny.isPending
  const error = approve.error ?? deny.error
  const decide = async ({ mutateAsync }: typeof approve | typeof deny, said: string) => {
    if (isBusy) return
    approve.reset()
    deny.reset()
    const word = note.trim()
    if (await mutateAsync({ token, ...(word && { note: word }) }).catch(() => undefined)) {
      toast(said)
      close()
    } else {
      // Someone else may have decided first.
      refetch()
    }
  }
  if (!mayDecide) {
    return (
      <>
        <p>You need the editor role to decide. Ask an editor, or ask an admin for the role.</p>
        <DialogActions>
          <Button onClick={close}>Close</Button>
        </DialogActions>
      </>
    )
  }
  return (
    <>
      <TextField
        label="Note"
        value={note}
        onChange={setNote}
        maxLength={500}
        hint="Optional. Shown to the requester."
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button look="danger" busy={deny.isPending} onClick={() => decide(deny, 'Denied. Nothing was written.')}>
          Deny
        </Button>
        <Button
          look="primary"
          busy={approve.isPending}
          onClick={() => decide(approve, 'Approved. The requester can now run it once.')}
        >
          Approve
        </Button>
      </DialogActions>
    </>
  )
}
