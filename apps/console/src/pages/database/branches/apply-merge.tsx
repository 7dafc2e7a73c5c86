import type { MergeReport } from '@persql/contract'
import { useApiMutation } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { capitalize, formatCount } from '../../../ui/format.ts'
import { toast } from '../../../ui/toast.tsx'

/** A merge and the report that its preview returned. */
export interface MergePlan {
  ns: string
  db: string
  ref: string
  side: 'abort' | 'branch' | 'parent'
  report: MergeReport
  /** Whether the report still belongs to another `side`, while the new one loads. */
  isOld: boolean
  /** Receives the ID of the snapshot from before the merge, or an empty text if the merge changed nothing. */
  onMerged: (snapshot: string) => void
}

interface ApplyMergeProps extends MergePlan {
  mode: 'schema' | 'data'
  disabled: boolean
}

/**
 * Merges as previewed, after a confirmation. The server refuses the merge if its result would differ from the report.
 */
export function ApplyMerge({ ns, db, ref, side, report, isOld, onMerged, mode, disabled }: ApplyMergeProps) {
  const [asked, ask] = useQueryParam('ask')
  const { mutateAsync } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/merge')
  const what = mode === 'schema' ? 'schema' : 'rows'
  const needsSchema = mode === 'data' && report.data.schemaFirst !== undefined
  const isLossy = mode === 'schema' && report.schema.statements.some(({ losesData }) => losesData)
  const deleted = mode === 'data' ? report.data.tables.reduce((sum, table) => sum + table.deleted, 0) : 0
  const goes = deleted === 0 ? '' : `${formatCount(deleted, 'row')} will be deleted from ${db}. `
  return (
    <div>
      <Button look="primary" disabled={disabled} busy={isOld && !disabled} onClick={() => ask(mode)}>
        {needsSchema ? 'Merge the schema first' : `Merge ${what}`}
      </Button>
      <ConfirmDialog
        open={asked === mode && !disabled && !isOld}
        onOpenChange={(open) => open || ask(null)}
        title={`Merge ${what} from ${ref} into ${db}?`}
        description={`${isLossy ? `The merge deletes data in ${db}. ` : ''}${goes}The merge is all-or-nothing. A snapshot of ${db} is created first, so you can undo the merge.`}
        {...(isLossy && { typed: db })}
        action={`Merge ${what}`}
        isHarmless={!isLossy}
        onConfirm={async () => {
          const done = await mutateAsync({
            ns,
            db,
            ref,
            mode,
            onConflict: side,
            allowDataLoss: isLossy,
            expectedPlan: report.planHash,
          }).finally(() => queryClient.invalidateQueries())
          onMerged(done.snapshot?.id ?? '')
          toast(`${capitalize(what)} of ${ref} merged.`)
        }}
      />
    </div>
  )
}
