import type { ReactNode } from 'react'
import { useCan } from '../../shell/membership.ts'
import { Button } from '../../ui/button.tsx'
import type { SavedQueryRef } from './query-tabs.ts'
import type { SavedStatus } from './saved-query-status.ts'

interface SavedNoteProps {
  standing: SavedStatus
  origin: SavedQueryRef
  onTake: () => void
  onOverwrite: () => void
  onKeep: () => void
}

/** The notice that a tab's saved query was changed or deleted, with the next steps. */
export function SavedQueryNotice({ standing, origin, onTake, onOverwrite, onKeep }: SavedNoteProps) {
  const mayChange = useCan('editor')
  if (standing === 'behind') {
    return (
      <Note text={`Someone else changed “${origin.name}” after you opened it. Your edits don't include those changes.`}>
        <Button size="small" onClick={onTake}>
          Open their version in a new tab
        </Button>
        {mayChange && (
          <Button size="small" onClick={onOverwrite}>
            Overwrite with my version
          </Button>
        )}
      </Note>
    )
  }
  if (standing !== 'gone') return null
  return (
    <Note text={`“${origin.name}” was deleted. Its text is still in this tab.`}>
      <Button size="small" onClick={onKeep}>
        Keep as unsaved query
      </Button>
    </Note>
  )
}

const Note = ({ text, children }: { text: string; children: ReactNode }) => (
  <div role="status" className="flex flex-wrap items-center gap-3 border-t border-line bg-warning-soft px-4 py-2">
    <p className="min-w-48 flex-1 text-sm break-words">{text}</p>
    {children}
  </div>
)
