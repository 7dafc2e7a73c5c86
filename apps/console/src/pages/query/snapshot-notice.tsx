import { useState } from 'react'
import { useApiMutation } from '../../api/hooks.ts'
import { queryClient } from '../../api/query-client.ts'
import { useCan } from '../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { toast } from '../../ui/toast.tsx'
import { forgetRows } from '../tables/use-rows.ts'

/** The notice that a snapshot was created before a destructive statement, with a button to restore it. */
export function SnapshotNotice({ snapshot: { id, label } }: { snapshot: { id: string; label: string } }) {
  const ns = useNamespace()
  const db = useDatabase()
  const mayRestore = useCan('admin')
  const [isAsked, setAsked] = useState(false)
  const { mutateAsync } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/restore')
  const restore = async (snapshotId: string) => {
    const { before } = await mutateAsync({ ns, db, snapshotId })
    forgetRows()
    void queryClient.invalidateQueries()
    toast('Snapshot restored.', {
      name: 'Undo',
      run: () => void restore(before.id).catch((error: Error) => toast(`Couldn't undo: ${error.message}`)),
    })
  }
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-card border border-line bg-accent-soft p-4">
      <p className="grow">A snapshot, “{label}”, was created before this statement ran.</p>
      {mayRestore ? (
        <Button size="small" onClick={() => setAsked(true)}>
          Restore snapshot
        </Button>
      ) : (
        <p className="text-sm">An admin can restore it.</p>
      )}
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title={`Restore snapshot “${label}”?`}
        description="Replaces all tables and rows with their state before the statement. The current state is saved as a snapshot first, so you can undo this."
        action="Restore snapshot"
        isHarmless
        onConfirm={() => restore(id)}
      />
    </div>
  )
}
