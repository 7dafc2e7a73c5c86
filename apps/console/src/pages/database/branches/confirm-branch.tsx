import type { Database } from '@persql/contract'
import { useDo } from '../../../api/hooks.ts'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { toast } from '../../../ui/toast.tsx'

interface BranchDialogProps {
  ns: string
  db: string
  /** Which one, once somebody wants to. */
  branch: Database | undefined
  close: () => void
}

const CHANGES = ['GET /api/namespaces/{ns}/databases/{db}/branches', 'GET /api/namespaces/{ns}/databases'] as const

/** Asks before a branch begins anew. */
export function ResetBranch({ ns, db, branch, close }: BranchDialogProps) {
  const { mutateAsync } = useDo('PUT /api/namespaces/{ns}/databases/{db}/branches/{ref}', CHANGES)
  const ref = branch?.branchRef
  if (!branch || !ref) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Reset ${ref}?`}
      description={`It gets the present schema of ${db}; its rows are lost and its tokens end. ${db} stays as it is.`}
      action="Reset branch"
      onConfirm={async () => {
        const { expiresAt } = branch
        await mutateAsync({ ns, db, ref, ...(expiresAt && { expiresAt }) })
        toast(`${ref} is as ${db} is now, without rows.`)
      }}
    />
  )
}

/** Asks before a branch is deleted. */
export function DeleteBranch({ ns, db, branch, close }: BranchDialogProps) {
  const { mutateAsync } = useDo('DELETE /api/namespaces/{ns}/databases/{db}/branches/{ref}', CHANGES)
  const ref = branch?.branchRef
  if (!ref) return null
  return (
    <ConfirmDialog
      open
      onOpenChange={close}
      title={`Delete the branch ${ref}?`}
      description={`Its rows and tokens go with it, and what was not merged is lost. ${db} stays as it is. This cannot be undone.`}
      typed={ref}
      action="Delete branch"
      onConfirm={async () => {
        await mutateAsync({ ns, db, ref })
        toast(`${ref} was deleted.`)
      }}
    />
  )
}
