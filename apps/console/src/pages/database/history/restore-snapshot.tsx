import type { Snapshot } from '@persql/contract'
import { Undo2 } from 'lucide-react'
import { useDo } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment, formatNumber } from '../../../ui/format.ts'
import { toast } from '../../../ui/toast.tsx'

interface Place {
  ns: string
  db: string
}

interface RestoreSnapshotProps extends Place {
  /** Which one, once somebody wants to. */
  snapshot: Snapshot | undefined
  close: () => void
  /** Gets the id of what was there before. */
  onRestored: (before: string) => void
}

/** Restores, after which nothing that is known of the database holds. */
function useRestore({ ns, db }: Place) {
  const { mutateAsync, isPending, error } = useDo('POST /api/namespaces/{ns}/databases/{db}/restore')
  const restore = async (snapshotId: string) => {
    const done = await mutateAsync({ ns, db, snapshotId })
    await queryClient.invalidateQueries()
    return done
  }
  return { restore, isPending, error }
}

/** Asks before a database is put back to a snapshot. */
export function RestoreSnapshot({ snapshot, close, onRestored, ...place }: RestoreSnapshotProps) {
  const { restore } = useRestore(place)
  if (!snapshot) return null
  const { id, label, rows, createdAt } = snapshot
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => open || close()}
      title={`Restore “${label}”?`}
      description={`All tables and rows become what they were at ${formatMoment(createdAt)} (${formatNumber(rows)} rows). What is there now is kept as a snapshot first, so this can be undone.`}
      typed={place.db}
      action="Restore"
      isHarmless
      onConfirm={async () => onRestored((await restore(id)).before.id)}
    />
  )
}

interface UndoRestoreProps extends Place {
  id: string
  /** What was there before, once it is known. */
  before: Snapshot | undefined
  onEnd: () => void
}

/** After a restore: offers to go back. */
export function UndoRestore({ id, before, onEnd, ...place }: UndoRestoreProps) {
  const { restore, isPending, error } = useRestore(place)
  const undo = async () => {
    if (!(await restore(id).catch(() => undefined))) return
    onEnd()
    toast('The restore was undone.')
  }
  return (
    <div role="status" className="grid gap-3 rounded-card border border-line bg-success-soft p-4">
      <p>
        The database was restored.
        {before && ` What was there before is kept as “${before.label}”.`}
      </p>
      {error && <ErrorPanel error={error} />}
      <div className="flex flex-wrap gap-2">
        <Button size="small" busy={isPending} onClick={undo}>
          <Undo2 aria-hidden className="size-3.5" />
          Undo the restore
        </Button>
        <Button size="small" look="quiet" onClick={onEnd}>
          Dismiss
        </Button>
      </div>
    </div>
  )
}
