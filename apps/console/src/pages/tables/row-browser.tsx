import { UnsavedChangesGuard } from '../../shell/unsaved-changes-guard.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatCount } from '../../ui/format.ts'
import { Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { RowActions } from './row-actions.tsx'
import { withDelete } from './row-changes.ts'
import { RowDialogs } from './row-dialogs.tsx'
import type { RowIdentity, SchemaTable } from './row-identity.ts'
import { RowStatus } from './row-status.tsx'
import { RowsGrid } from './rows-grid.tsx'
import { useRowBrowser } from './use-row-browser.ts'

/** The rows of a table, with several changes that are saved together. */
export function RowBrowser({ table, shape: given }: { table: SchemaTable; shape: RowIdentity }) {
  const browser = useRowBrowser(given)
  const { shape, view, rows, changes, readOnlyReason, openDialog } = browser
  const { source, error } = rows
  const { draft, change } = changes
  return (
    <Page title={shape.name} actions={!readOnlyReason && <RowActions changes={changes} openDialog={openDialog} />}>
      <RowStatus view={view} rows={rows} readOnlyReason={readOnlyReason} columnCount={table.columns.length} />
      {error != null && <ErrorPanel error={error} onRetry={rows.retry} />}
      {!source && !error && <Skeleton className="h-[65dvh] min-h-80 w-full" />}
      {source && (
        <RowsGrid
          shape={shape}
          source={source}
          total={rows.total}
          look={view.look}
          draft={draft}
          onSort={view.sort}
          onFilter={view.filter}
          onOpen={(cell) => openDialog({ kind: 'cell', ...cell })}
          onDelete={readOnlyReason ? undefined : (row) => change(withDelete(draft, row))}
        />
      )}
      {rows.count === 0 && !rows.isComing && (
        <p className="text-center text-muted">
          {view.isFiltered ? 'No rows match these filters.' : 'No rows yet. Add a row, or use INSERT.'}
        </p>
      )}
      <RowDialogs {...browser} />
      <UnsavedChangesGuard when={draft.length > 0} what={formatCount(draft.length, 'change')} />
    </Page>
  )
}
