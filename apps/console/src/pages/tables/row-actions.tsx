import { Plus, Undo2 } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { formatCount } from '../../ui/format.ts'
import { MAX_CHANGES } from './row-changes.ts'
import type { RowBrowserState } from './use-row-browser.ts'

/** The buttons to undo and review the pending changes, and to add a row. */
export function RowActions({ changes, openDialog }: Pick<RowBrowserState, 'changes' | 'openDialog'>) {
  const { draft, canUndo, undo } = changes
  return (
    <>
      {canUndo && (
        <Button onClick={undo}>
          <Undo2 aria-hidden className="size-4" />
          Undo
        </Button>
      )}
      {draft.length > 0 && (
        <Button look="primary" onClick={() => openDialog({ kind: 'review' })}>
          Review {formatCount(draft.length, 'change')}
        </Button>
      )}
      <Button onClick={() => openDialog({ kind: 'insert' })} disabled={draft.length >= MAX_CHANGES}>
        <Plus aria-hidden className="size-4" />
        Add row
      </Button>
    </>
  )
}
