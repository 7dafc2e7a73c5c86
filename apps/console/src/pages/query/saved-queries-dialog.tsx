import type { SavedQuery } from '@persql/contract'
import { useState } from 'react'
import { useActorName } from '../../shell/actor-names.ts'
import { useCan } from '../../shell/membership.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { commandKey } from '../../ui/kbd.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { SkeletonRows } from '../../ui/skeleton.tsx'
import { pickKeys } from './list-keyboard.ts'
import { RenameForm } from './rename-form.tsx'
import { SavedQueryItem } from './saved-query-item.tsx'
import { matching } from './saved-query-status.ts'
import type { Saved } from './use-saved-queries.ts'

interface SavedDialogProps {
  saved: Saved
  onOpen: (query: SavedQuery) => void
  onDelete: (query: SavedQuery) => void
  onClose: () => void
}

/** The saved queries, with a search. Choosing one opens it in a tab. */
export function SavedDialog({ saved, onOpen, onDelete, onClose }: SavedDialogProps) {
  const mayChange = useCan('editor')
  const getActorName = useActorName()
  const [wanted, setWanted] = useState('')
  const [renamed, setRenamed] = useState<string>()
  const { queries, error } = saved
  const shown = matching(queries ?? [], ({ name, sql }) => `${name} ${sql}`, wanted)
  const whose = saved.isOfParent
    ? `Saved queries of ${saved.db}. Branches share their parent's saved queries.`
    : `Shared with everyone who can access ${saved.ns}/${saved.db}.`
  return (
    <Dialog
      open
      // Escape closes the innermost element: the rename form before the dialog.
      onOpenChange={() => (renamed === undefined ? onClose() : setRenamed(undefined))}
      title="Saved queries"
      description={whose}
    >
      <search className="grid min-w-0 gap-3" onKeyDown={pickKeys}>
        {queries && queries.length > 0 && (
          <SearchField
            label="Search saved queries"
            value={wanted}
            onChange={setWanted}
            onEnter={() => shown[0] && onOpen(shown[0])}
          />
        )}
        {!queries && !error && <SkeletonRows label="Loading saved queries" rows={4} />}
        {error && <ErrorPanel error={error} onRetry={saved.refetch} />}
        {queries?.length === 0 && (
          <p>
            No saved queries yet.{' '}
            {mayChange
              ? `To save a query for your team, choose Save or press ${commandKey()}+S.`
              : 'Editors can save queries here for the team.'}
          </p>
        )}
        {queries && queries.length > 0 && shown.length === 0 && <p role="status">No matching saved queries.</p>}
        <ul aria-label="Saved queries" className="grid max-h-[55dvh] min-w-0 gap-1 overflow-y-auto">
          {shown.map((query) => (
            <li key={query.id} className="min-w-0">
              {renamed === query.id ? (
                <RenameForm saved={saved} query={query} onDone={() => setRenamed(undefined)} />
              ) : (
                <SavedQueryItem
                  query={query}
                  by={getActorName(query.updatedBy)}
                  onOpen={() => onOpen(query)}
                  actions={mayChange && { rename: () => setRenamed(query.id), delete: () => onDelete(query) }}
                />
              )}
            </li>
          ))}
        </ul>
      </search>
    </Dialog>
  )
}
