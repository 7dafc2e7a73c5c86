import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { ErrorPanel } from '../ui/error-panel.tsx'
import { SlugField } from '../ui/slug-field.tsx'
import { toast } from '../ui/toast.tsx'
import { namespacePath } from './paths.ts'
import { NO_CREDIT } from './welcome-credit.ts'

interface NewNamespaceProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** A dialog that creates a namespace. */
export function NewNamespace({ open, onOpenChange }: NewNamespaceProps) {
  const [slug, setSlug] = useState('')
  const navigate = useNavigate()
  const { mutateAsync, isPending, error, reset } = useApiMutation('POST /api/namespaces', ['GET /api/namespaces'])
  const change = (next: boolean) => {
    if (next) return
    setSlug('')
    reset()
    onOpenChange(false)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const made = await mutateAsync({ slug }).catch(() => undefined)
    if (!made) return
    change(false)
    const { reason } = made.welcomeCredit
    if (reason) toast(NO_CREDIT[reason])
    navigate(namespacePath(made.slug))
  }
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title="New namespace"
      description="A namespace has its own databases, tokens, members and balance."
    >
      <form onSubmit={submit} className="grid gap-4">
        <SlugField label="Name" value={slug} onChange={setSlug} hint="Used in URLs. Can't be changed later." />
        {error && <ErrorPanel error={error} />}
        <DialogActions>
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending} disabled={slug === ''}>
            Create namespace
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
