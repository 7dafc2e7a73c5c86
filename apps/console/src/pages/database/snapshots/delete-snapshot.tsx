import type { Snapshot } from '@persql/contract'
import { useApiMutation } from '../../../api/hooks.ts'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { toast } from '../../../ui/toast.tsx'

interface DeleteSnapshotProps {
  ns: string
  db: string
  /** The snapshot, or `undefined` while the dialog is closed. */
  snapshot: Snapshot | undefined
  close: () => void
}

/** Asks for confirmation before a snapshot is deleted. */
export function DeleteSnapshot({ ns, db, snapshot, close }: DeleteSnapshotProps) {
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/snapshots/{id}', [
    'GET /api/namespaces/{ns}/databases/{db}/snapshots',
  ])
  if (!snapshot) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Delete snapshot “${snapshot.label}”?`}
      description="The database isn't affected, but you can no longer restore this snapshot. This can't be undone."
      action="Delete snapshot"
      onConfirm={async () => {
        await mutateAsync({ ns, db, id: snapshot.id })
        toast(`Snapshot “${snapshot.label}” deleted.`)
      }}
    />
  )
}
