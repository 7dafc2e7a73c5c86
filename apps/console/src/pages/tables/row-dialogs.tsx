import { CellDialog } from './cell-dialog.tsx'
import { InsertDialog } from './insert-dialog.tsx'
import { ReviewDialog } from './review-dialog.tsx'
import { setCell, withDelete, withInsert, without } from './row-changes.ts'
import type { RowBrowserState } from './use-row-browser.ts'

/** The open dialog of a row browser. */
export function RowDialogs({ shape, changes, readOnlyReason, dialog, closeDialog }: RowBrowserState) {
  const { draft, change, reset } = changes
  if (dialog?.kind === 'cell') {
    const { row, column } = dialog
    return (
      <CellDialog
        shape={shape}
        row={row}
        column={column}
        draft={draft}
        isFixed={readOnlyReason !== undefined}
        onClose={closeDialog}
        onChange={(name, before, after) => change(setCell(draft, row, name, before, after))}
        onDelete={() => change(withDelete(draft, row))}
      />
    )
  }
  if (dialog?.kind === 'insert') {
    return <InsertDialog shape={shape} onClose={closeDialog} onInsert={(values) => change(withInsert(draft, values))} />
  }
  if (dialog?.kind === 'review') {
    return (
      <ReviewDialog
        shape={shape}
        draft={draft}
        onDrop={(id) => change(without(draft, id))}
        onClose={closeDialog}
        onDone={reset}
      />
    )
  }
  return null
}
