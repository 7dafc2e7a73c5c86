import { Link } from 'react-router'
import { databasePath, useDatabase, useNamespace } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { formatCount, formatNumber } from '../../ui/format.ts'
import { MOST_ROWS } from './row-blocks.ts'
import { MAX_COLUMNS } from './row-identity.ts'
import type { RowBrowserState } from './use-row-browser.ts'

interface RowStatusProps extends Pick<RowBrowserState, 'view' | 'rows' | 'readOnlyReason'> {
  /** The number of columns of the table. */
  columnCount: number
}

/** The number of rows, the limits of the grid, and buttons that reset the order and filters. */
export function RowStatus({ view, rows, readOnlyReason, columnCount }: RowStatusProps) {
  const ns = useNamespace()
  const db = useDatabase()
  const { count, total, error, isComing } = rows
  const said = count !== undefined && (total === undefined ? `${formatNumber(count)}+ rows` : formatCount(total, 'row'))
  return (
    <div className="-mt-3 flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1 text-sm text-muted">
      <Link className="text-accent underline-offset-2 hover:underline" to={databasePath(ns, db, 'tables')}>
        All tables
      </Link>
      <span role="status">{error ? '' : (!isComing && said) || 'Loading rows…'}</span>
      {view.isFiltered && (
        <Button
          size="small"
          onClick={() => {
            view.clear()
            // The button disappears, which would lose the focus.
            document.querySelector<HTMLElement>('[role=grid]')?.focus()
          }}
        >
          Clear filters
        </Button>
      )}
      {view.look.sort && error != null && (
        <Button size="small" onClick={view.unsort}>
          Clear sorting
        </Button>
      )}
      <span>
        {readOnlyReason
          ? `Read-only. ${readOnlyReason}`
          : 'Press Enter to edit a cell, Delete to mark its row for deletion.'}
      </span>
      {total !== undefined && total > MOST_ROWS && (
        <span>Only the first {formatNumber(MOST_ROWS)} rows are shown. Sort or filter to find others.</span>
      )}
      {columnCount > MAX_COLUMNS && <span>Only the first {MAX_COLUMNS} columns are shown.</span>}
    </div>
  )
}
