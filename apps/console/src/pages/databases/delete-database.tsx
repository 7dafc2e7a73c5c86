import { useApiMutation } from '../../api/hooks.ts'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { toast } from '../../ui/toast.tsx'

interface DeleteDatabaseProps {
  ns: string
  /** The database, or `undefined` while the dialog is closed. */
  slug: string | undefined
  onClose: () => void
}

/** Asks for confirmation before a database is deleted. */
export function DeleteDatabase({ ns, slug, onClose }: DeleteDatabaseProps) {
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/databases/{slug}', [
    'GET /api/namespaces/{ns}/databases',
    'GET /api/namespaces/{ns}/usage',
  ])
  if (slug === undefined) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={onClose}
      title={`Delete ${slug}?`}
      description="Deletes its tables, branches, snapshots and endpoints, and the tokens that are limited to it. This can't be undone."
      typed={slug}
      action="Delete database"
      onConfirm={async () => {
        await mutateAsync({ ns, slug })
        toast(`${slug} deleted.`)
      }}
    />
  )
}
