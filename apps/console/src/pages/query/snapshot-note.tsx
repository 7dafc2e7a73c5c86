import { useState } from 'react'
import { useDo } from '../../api/hooks.ts'
import { queryClient } from '../../api/query-client.ts'
import { useDatabase, useNamespace } from '../../shell/address.ts'
import { useMay } from '../../shell/membership.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { toast } from '../../ui/toast.tsx'
import { forgetRows } from '../tables/use-rows.ts'

/** Tells that everything was kept before a statement that lost rows, and leads back. */
export function SnapshotNote({ snapshot: { id, label } }: { snapshot: { id: string; label: string } }) {
  const ns = useNamespace()
  const db = useDatabase()
  const mayRestore = useMay('admin')
  const [isAsked, setAsked] = useState(false)
  const { mutateAsync } = useDo('POST /api/namespaces/{ns}/databases/{db}/restore')
  const restore = async (snapshotId: string) => {
    const { before } = await mutateAsync({ ns, db, snapshotId })
    forgetRows()
    void queryClient.invalidateQueries()
    toast('The snapshot was restored.', {
      name: 'Undo',
      run: () => void restore(before.id).catch((error: Error) => toast(`This was not undone: ${error.message}`)),
    })
  }
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-card border border-line bg-accent-soft p-4">
      <p className="grow">Before this, all rows were kept as the snapshot “{label}”.</p>
      {mayRestore ? (
        <Button size="small" onClick={() => setAsked(true)}>
          Restore it
        </Button>
      ) : (
        <p className="text-sm">An admin can restore it.</p>
      )}
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title="Restore the snapshot?"
        description="All tables and rows go back to what they were before the statement. What is there now is kept as a snapshot first, so this can be undone."
        action="Restore"
        isHarmless
        onConfirm={() => restore(id)}
      />
    </div>
  )
}
