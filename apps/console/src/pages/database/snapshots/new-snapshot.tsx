import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input } from '../../../ui/input.tsx'
import { toast } from '../../../ui/toast.tsx'

interface NewSnapshotProps {
  ns: string
  db: string
  open: boolean
  close: () => void
}

/** A dialog that creates a snapshot with a label. */
export const NewSnapshot = ({ open, ...rest }: NewSnapshotProps) => (
  <Dialog
    open={open}
    onOpenChange={rest.close}
    title="Create snapshot"
    description="Saves all tables and rows as they are now. Billed as rows read, then as storage."
  >
    <NewSnapshotForm {...rest} />
  </Dialog>
)

function NewSnapshotForm({ ns, db, close }: Omit<NewSnapshotProps, 'open'>) {
  const [label, setLabel] = useState('')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/snapshots', [
    'GET /api/namespaces/{ns}/databases/{db}/snapshots',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const made = await mutateAsync({ ns, db, label }).catch(() => undefined)
    if (!made) return
    close()
    toast(`Snapshot “${made.label}” created.`)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Label" hint="For example, “Before the import”.">
        {(control) => (
          <Input
            {...control}
            value={label}
            onChange={({ target }) => setLabel(target.value)}
            required
            maxLength={80}
            autoComplete="off"
          />
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending} disabled={label.trim() === ''}>
          Create snapshot
        </Button>
      </DialogActions>
    </form>
  )
}
