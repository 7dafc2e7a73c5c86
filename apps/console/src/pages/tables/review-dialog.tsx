import { ApprovalRequiredError, PerSQLError } from '@persql/sdk'
import { useEffect } from 'react'
import { useApiMutation } from '../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/class-names.ts'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatCount } from '../../ui/format.ts'
import { nextStep } from '../../ui/next-step.ts'
import { toast } from '../../ui/toast.tsx'
import { ApprovalPanel } from '../results/approval-panel.tsx'
import { buildChange, buildStatements, MAX_CHANGES, type RowChanges } from './row-changes.ts'
import type { RowIdentity } from './row-identity.ts'
import { toText } from './sql-builder.ts'
import { rereadRows } from './use-rows.ts'

interface ReviewDialogProps {
  shape: RowIdentity
  draft: RowChanges
  onDrop: (id: string) => void
  onClose: () => void
  onDone: () => void
}

/** A review of the SQL to run, which applies in one transaction. */
export function ReviewDialog({ shape, draft, onDrop, onClose, onDone }: ReviewDialogProps) {
  const ns = useNamespace()
  const db = useDatabase()
  const { mutate, isPending, error, reset } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/batch', [
    'GET /api/namespaces/{ns}/databases/{db}/tables',
  ])
  useEffect(() => {
    if (draft.length === 0) onClose()
  }, [draft, onClose])
  const done = () => {
    toast(`${formatCount(draft.length, 'change')} saved.`)
    onDone()
    onClose()
    rereadRows(ns, db)
  }
  const send = () =>
    mutate({ ns, db, transaction: true, statements: buildStatements(shape, draft) }, { onSuccess: done })
  const failed = error instanceof PerSQLError ? error.body.statement : undefined
  const isTooMany = draft.length > MAX_CHANGES
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Review changes"
      description="All changes run in one transaction, all-or-nothing. Values that someone else changed in the meantime aren't overwritten."
    >
      <ol className="grid max-h-[45dvh] min-w-0 gap-2 overflow-y-auto">
        {draft.map((change, index) => (
          <li
            key={change.id}
            className={classes(
              'grid min-w-0 gap-1 rounded-field border p-2',
              failed === index ? 'border-danger bg-danger-soft' : 'border-line',
            )}
            ref={failed === index ? toSight : undefined}
          >
            <div className="flex items-start justify-between gap-2">
              <code className="min-w-0 font-mono text-sm break-words whitespace-pre-wrap">
                {toText(buildChange(shape, change))}
              </code>
              <Button
                size="small"
                aria-label={`Undo change ${index + 1}`}
                onClick={() => {
                  reset()
                  onDrop(change.id)
                }}
              >
                Undo
              </Button>
            </div>
            {failed === index && error && (
              <p role="alert" className="text-sm font-medium text-danger-strong">
                {explainError(error)}
              </p>
            )}
          </li>
        ))}
      </ol>
      {isTooMany && (
        <p role="alert">
          A transaction can have up to {MAX_CHANGES} changes. Undo some of them, and make those changes after you save.
        </p>
      )}
      {error instanceof ApprovalRequiredError ? (
        <ApprovalPanel error={error} onRedeemed={done} />
      ) : (
        error && failed === undefined && <ErrorPanel error={error} />
      )}
      <DialogActions>
        <Button onClick={onClose}>Back</Button>
        <Button look="primary" busy={isPending} disabled={isTooMany} onClick={send}>
          Save {formatCount(draft.length, 'change')}
        </Button>
      </DialogActions>
    </Dialog>
  )
}

const toSight = (element: Element | null) => element?.scrollIntoView({ block: 'nearest' })

/** Returns the cause of a failed change and the next step. */
function explainError(error: Error): string {
  if (!(error instanceof PerSQLError)) return `${error.message} ${nextStep(error)}`
  if (error.code === 'expectation_failed') {
    return 'Someone else changed or deleted this row. Undo this change and reload the page.'
  }
  return `${error.message.replace(/\.?$/, '.')} ${error.detail?.hint ?? nextStep(error)}`.trim()
}
