import type { Snapshot } from '@persql/contract'
import { Undo2 } from 'lucide-react'
import { useApiMutation } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatCount, formatMoment } from '../../../ui/format.ts'
import { toast } from '../../../ui/toast.tsx'

interface Place {
  ns: string
  db: string
}

interface RestoreSnapshotProps extends Place {
  /** The snapshot, or `undefined` while the dialog is closed. */
  snapshot: Snapshot | undefined
  close: () => void
  /** Receives the ID of the snapshot from before the restore. */
  onRestored: (before: string) => void
}

/** Returns a function that restores a snapshot and invalidates all cached data. */
function useRestore({ ns, db }: Place) {
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/restore')
  const restore = async (snapshotId: string) => {
    const done = await mutateAsync({ ns, db, snapshotId })
    await queryClient.invalidateQueries()
    return done
  }
  return { restore, isPending, error }
}

/** Asks for confirmation before a database is restored. */
export function RestoreSnapshot({ snapshot, close, onRestored, ...place }: RestoreSnapshotProps) {
  const { restore } = useRestore(place)
  if (!snapshot) return null
  const { id, label, rows, createdAt } = snapshot
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => open || close()}
      title={`Restore snapshot “${label}”?`}
      description={`Replaces all tables and rows with their state at ${formatMoment(createdAt)} (${formatCount(rows, 'row')}). The current state is saved as a snapshot first, so you can undo this.`}
      typed={place.db}
      action="Restore snapshot"
      isHarmless
      onConfirm={async () => onRestored((await restore(id)).before.id)}
    />
  )
}

interface UndoRestoreProps extends Place {
  id: string
  /** The snapshot from before the restore, or `undefined` while it loads. */
  before: Snapshot | undefined
  onEnd: () => void
}

/** The message after a restore, with a button to undo it. */
export function UndoRestore({ id, before, onEnd, ...place }: UndoRestoreProps) {
  const { restore, isPending, error } = useRestore(place)
  const undo = async () => {
    if (!(await restore(id).catch(() => undefined))) return
    onEnd()
    toast('Restore undone.')
  }
  return (
    <div role="status" className="grid gap-3 rounded-card border border-line bg-success-soft p-4">
      <p>Database restored.{before && ` The previous state was saved as “${before.label}”.`}</p>
      {error && <ErrorPanel error={error} />}
      <div className="flex flex-wrap gap-2">
        <Button size="small" busy={isPending} onClick={undo}>
          <Undo2 aria-hidden className="size-3.5" />
          Undo restore
        </Button>
        <Button size="small" look="quiet" onClick={onEnd}>
          Dismiss
        </Button>
      </div>
    </div>
  )
}
