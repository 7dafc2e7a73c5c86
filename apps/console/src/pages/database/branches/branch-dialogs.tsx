import type { Database } from '@persql/contract'
import { useApiMutation } from '../../../api/hooks.ts'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { toast } from '../../../ui/toast.tsx'

interface BranchDialogProps {
  ns: string
  db: string
  /** The branch, or `undefined` while the dialog is closed. */
  branch: Database | undefined
  close: () => void
}

const CHANGES = ['GET /api/namespaces/{ns}/databases/{db}/branches', 'GET /api/namespaces/{ns}/databases'] as const

/** Asks for confirmation before a branch is reset. */
export function ResetBranch({ ns, db, branch, close }: BranchDialogProps) {
  const { mutateAsync } = useApiMutation('PUT /api/namespaces/{ns}/databases/{db}/branches/{ref}', CHANGES)
  const ref = branch?.branchRef
  if (!branch || !ref) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Reset ${ref}?`}
      description={`Resets the branch to the current schema of ${db}. Its rows, endpoints, schedules, webhooks and snapshots are deleted, and its tokens stop working. ${db} isn't affected.`}
      action="Reset branch"
      onConfirm={async () => {
        const { expiresAt } = branch
        await mutateAsync({ ns, db, ref, ...(expiresAt && { expiresAt }) })
        toast(`${ref} was reset to the current schema of ${db}.`)
      }}
    />
  )
}

/** Asks for confirmation before a branch is deleted. */
export function DeleteBranch({ ns, db, branch, close }: BranchDialogProps) {
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/branches/{ref}', CHANGES)
  const ref = branch?.branchRef
  if (!ref) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Delete branch ${ref}?`}
      description={`Deletes its rows and tokens. Unmerged changes are lost. ${db} isn't affected. This can't be undone.`}
      typed={ref}
      action="Delete branch"
      onConfirm={async () => {
        await mutateAsync({ ns, db, ref })
        toast(`${ref} deleted.`)
      }}
    />
  )
}
