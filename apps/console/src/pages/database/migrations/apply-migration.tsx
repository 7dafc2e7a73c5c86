import type { Migration } from '@persql/contract'
import { useApiMutation } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { formatCount } from '../../../ui/format.ts'
import { toast } from '../../../ui/toast.tsx'

/** Asks for confirmation before a migration is applied. */
export function ApplyMigration({ migration, open, close }: { migration: Migration; open: boolean; close: () => void }) {
  const place = { ns: useNamespace(), db: useDatabase() }
  const { mutateAsync } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/apply')
  const { id, name, statements } = migration
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(stays) => stays || close()}
      title={`Apply “${name}” to ${place.db}?`}
      description={`Runs ${formatCount(statements, 'statement')} in one transaction. If one fails, none are applied. Consider creating a snapshot first.`}
      action="Apply migration"
      isHarmless
      onConfirm={async () => {
        // After failures too: the draft then shows the error.
        await mutateAsync({ ...place, id }).finally(() => queryClient.invalidateQueries())
        toast(`“${name}” applied.`)
      }}
    />
  )
}
