import { toast } from '../../ui/toast.tsx'
import { AskDialog } from './generate-query-dialog.tsx'
import { HistoryDialog } from './history-dialog.tsx'
import type { QueryTab } from './query-tabs.ts'
import { SaveDialog } from './save-query-dialog.tsx'
import { SavedDialog } from './saved-queries-dialog.tsx'
import { type SavedStatus, toSavedQueryRef } from './saved-query-status.ts'
import type { WorkbenchState } from './use-workbench.ts'

/** The dialog in the URL. */
export function QueryDialogs({ workbench }: { workbench: WorkbenchState }) {
  const { ns, db, tabs, saved, savedStatus, saving, dialog, closeDialog } = workbench
  const { draft } = tabs
  const openInTab = (sql: string) => tabs.add(sql)
  if (dialog === 'ask') return <AskDialog ns={ns} db={db} onClose={closeDialog} onTake={openInTab} />
  if (dialog === 'history') return <HistoryDialog past={workbench.history} onClose={closeDialog} onTake={openInTab} />
  if (dialog === 'save' && draft.sql.trim() !== '') {
    return (
      <SaveDialog
        saved={saved}
        sql={draft.sql}
        name={suggestName(draft, savedStatus)}
        onSaved={(query) => {
          tabs.tie(draft.id, query)
          toast(`“${query.name}” saved.`)
        }}
        onClose={closeDialog}
      />
    )
  }
  if (dialog === 'saved') {
    return (
      <SavedDialog
        saved={saved}
        onOpen={(query) => {
          const there = tabs.drafts.find((one) => one.saved?.id === query.id)
          if (there) tabs.open(there)
          else tabs.add(query.sql, toSavedQueryRef(query))
        }}
        onDelete={(query) => {
          closeDialog()
          void saving.remove(query)
        }}
        onClose={closeDialog}
      />
    )
  }
  return null
}

/** Returns the name to save a tab as. A copy gets a number; a deleted query keeps its name. */
function suggestName({ saved }: QueryTab, status: SavedStatus): string {
  if (!saved) return ''
  return status === 'gone' ? saved.name : `${saved.name} 2`.slice(0, 80)
}
