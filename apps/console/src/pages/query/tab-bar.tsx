import type { SavedQuery } from '@persql/contract'
import { Plus, X } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/class-names.ts'
import type { QueryTab } from './query-tabs.ts'
import { getSavedStatus, getTabTitle } from './saved-query-status.ts'

interface TabBarProps {
  drafts: readonly QueryTab[]
  /** The ID of the open tab. */
  open: string
  queries: readonly SavedQuery[] | undefined
  onOpen: (draft: QueryTab) => void
  onClose: (draft: QueryTab) => void
  onAdd: () => void
}

/** The tabs of the editor. A dot marks unsaved changes. */
export const TabBar = ({ drafts, open, queries, onOpen, onClose, onAdd }: TabBarProps) => (
  <div className="flex items-center gap-1 overflow-x-auto border-b border-line bg-sunken px-2 py-1">
    {drafts.map((draft, index) => (
      <div
        key={draft.id}
        className={classes('flex shrink-0 items-center rounded-field', draft.id === open && 'bg-surface')}
      >
        <button
          type="button"
          aria-pressed={draft.id === open}
          onClick={() => onOpen(draft)}
          className={classes(
            'flex max-w-48 items-center gap-1.5 px-2 py-1 text-sm -outline-offset-2',
            draft.id !== open && 'text-muted',
          )}
        >
          <span className="truncate">{getTabTitle(draft, index)}</span>
          {hasChanges(draft, queries) && (
            <>
              <span aria-hidden className="size-2 shrink-0 rounded-full bg-warning" />
              <span className="sr-only">(unsaved changes)</span>
            </>
          )}
        </button>
        {(drafts.length > 1 || draft.sql !== '') && (
          <button
            type="button"
            aria-label={`Close query ${index + 1}`}
            onClick={() => onClose(draft)}
            className="grid size-7 place-items-center rounded-field -outline-offset-2 hover:bg-sunken"
          >
            <X aria-hidden className="size-3.5" />
          </button>
        )}
      </div>
    ))}
    <Button look="quiet" size="small" aria-label="New query" onClick={onAdd}>
      <Plus aria-hidden className="size-4" />
    </Button>
  </div>
)

const hasChanges = (draft: QueryTab, queries: TabBarProps['queries']) =>
  ['unsaved', 'behind', 'gone'].includes(getSavedStatus(draft, queries))
