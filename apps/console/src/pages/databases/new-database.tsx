import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../api/hooks.ts'
import { databasePath } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { SlugField } from '../../ui/slug-field.tsx'
import { toast } from '../../ui/toast.tsx'

interface NewDatabaseProps {
  ns: string
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** A dialog that creates a database. */
export const NewDatabase = ({ ns, open, onOpenChange }: NewDatabaseProps) => (
  <Dialog
    open={open}
    onOpenChange={onOpenChange}
    title="New database"
    description="An empty SQLite database, ready to use."
  >
    <NewDatabaseForm ns={ns} close={() => onOpenChange(false)} />
  </Dialog>
)

function NewDatabaseForm({ ns, close }: { ns: string; close: () => void }) {
  const [slug, setSlug] = useState('')
  const navigate = useNavigate()
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases', [
    'GET /api/namespaces/{ns}/databases',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const made = await mutateAsync({ ns, slug }).catch(() => undefined)
    if (!made) return
    navigate(databasePath(ns, made.slug))
    toast(`${made.slug} created.`)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <SlugField label="Name" value={slug} onChange={setSlug} hint={`Database address: ${ns}/${slug || '…'}`} />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending} disabled={slug === ''}>
          Create database
        </Button>
      </DialogActions>
    </form>
  )
}
