import type { Snapshot } from '@persql/contract'
import { useDo } from '../../../api/hooks.ts'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { toast } from '../../../ui/toast.tsx'

interface DeleteSnapshotProps {
  ns: string
  db: string
  /** Which one, once somebody wants to. */
  snapshot: Snapshot | undefined
  close: () => void
}

/** Asks before a snapshot is deleted. */
export function DeleteSnapshot({ ns, db, snapshot, close }: DeleteSnapshotProps) {
  const { mutateAsync } = useDo('DELETE /api/namespaces/{ns}/databases/{db}/snapshots/{id}', [
    'GET /api/namespaces/{ns}/databases/{db}/snapshots',
  ])
  if (!snapshot) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Delete the snapshot “${snapshot.label}”?`}
      description="The database stays as it is, but there is no going back to this moment then. This cannot be undone."
      action="Delete snapshot"
      onConfirm={async () => {
        await mutateAsync({ ns, db, id: snapshot.id })
        toast(`The snapshot “${snapshot.label}” was deleted.`)
      }}
    />
  )
}
