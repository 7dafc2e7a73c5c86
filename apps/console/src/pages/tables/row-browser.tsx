import { Plus, Undo2 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Link } from 'react-router'
import { useApiQuery } from '../../api/hooks.ts'
import { useCan } from '../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../shell/paths.ts'
import { UnsavedChangesGuard } from '../../shell/unsaved-changes-guard.tsx'
import { Button } from '../../ui/button.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatCount, formatNumber } from '../../ui/format.ts'
import { Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { CellDialog } from './cell-dialog.tsx'
import { InsertDialog } from './insert-dialog.tsx'
import { ReviewDialog } from './review-dialog.tsx'
import { MOST_ROWS } from './row-blocks.ts'
import { MAX_CHANGES, setCell, withDelete, withInsert, without } from './row-changes.ts'
import { MAX_COLUMNS, type RowIdentity, type SchemaTable } from './row-identity.ts'
import type { Row } from './row-queries.ts'
import { RowsGrid } from './rows-grid.tsx'
import { useDraft } from './use-row-changes.ts'
import { useRows, useSource } from './use-rows.ts'
import { useTableView } from './use-table-view.ts'

/** The rows of a table, with several changes that are saved together. */
export function RowBrowser({ table, shape: given }: { table: SchemaTable; shape: RowIdentity }) {
  const ns = useNamespace()
  const db = useDatabase()
  const mayEdit = useCan('editor')
  // The schema is refetched regularly, mostly without changes. Its text keeps the object stable.
  const text = JSON.stringify(given)
  const shape = useMemo((): RowIdentity => JSON.parse(text), [text])
  const { look, filter, sort, clear, unsort } = useTableView(shape)
  const counts = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', { ns, db })
  const { draft, change, undo, canUndo, reset } = useDraft()
  const [asked, setAsked] = useState<'insert' | 'review'>()
  const [opened, setOpened] = useState<{ row: Row; column: number }>()

  const isFiltered = Object.keys(look.filters).length > 0
  const total = isFiltered ? undefined : (counts.data?.find(({ name }) => name === shape.name)?.rowCount ?? undefined)
  const whyFixed = shape.whyFixed ?? (mayEdit ? undefined : "Viewers can't edit rows.")
  const { source, error: first, refetch, isComing } = useRows(ns, db, shape, look, total)
  const count = useSource(source, (now) => (now.isWhole || total === undefined ? now.count : total))
  const isWhole = useSource(source, (now) => now.isWhole)
  const broken = useSource(source, (now) => now.error)
  const error = first ?? broken
  const known = isComing ? undefined : isWhole ? count : total
  const said = count !== undefined && (known === undefined ? `${formatNumber(count)}+ rows` : formatCount(known, 'row'))
  return (
    <Page
      title={shape.name}
      actions={
        !whyFixed && (
          <>
            {canUndo && (
              <Button onClick={undo}>
                <Undo2 aria-hidden className="size-4" />
                Undo
              </Button>
            )}
            {draft.length > 0 && (
              <Button look="primary" onClick={() => setAsked('review')}>
                Review {formatCount(draft.length, 'change')}
              </Button>
            )}
            <Button onClick={() => setAsked('insert')} disabled={draft.length >= MAX_CHANGES}>
              <Plus aria-hidden className="size-4" />
              Add row
            </Button>
          </>
        )
      }
    >
      <div className="-mt-3 flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1 text-sm text-muted">
        <Link className="text-accent underline-offset-2 hover:underline" to={databasePath(ns, db, 'tables')}>
          All tables
        </Link>
        <span role="status">{error ? '' : (!isComing && said) || 'Loading rows…'}</span>
        {isFiltered && (
          <Button
            size="small"
            onClick={() => {
              clear()
              // The button disappears, which would lose the focus.
              document.querySelector<HTMLElement>('[role=grid]')?.focus()
            }}
          >
            Clear filters
          </Button>
        )}
        {look.sort && error != null && (
          <Button size="small" onClick={unsort}>
            Clear sorting
          </Button>
        )}
        <span>
          {whyFixed ? `Read-only. ${whyFixed}` : 'Press Enter to edit a cell, Delete to mark its row for deletion.'}
        </span>
        {known !== undefined && known > MOST_ROWS && (
          <span>Only the first {formatNumber(MOST_ROWS)} rows are shown. Sort or filter to find others.</span>
        )}
        {table.columns.length > MAX_COLUMNS && <span>Only the first {MAX_COLUMNS} columns are shown.</span>}
      </div>
      {error != null && <ErrorPanel error={error} onRetry={first ? refetch : source?.retry} />}
      {!source && !error && <Skeleton className="h-[65dvh] min-h-80 w-full" />}
      {source && (
        <RowsGrid
          shape={shape}
          source={source}
          total={known}
          look={look}
          draft={draft}
          onSort={sort}
          onFilter={filter}
          onOpen={setOpened}
          onDelete={whyFixed ? undefined : (row) => change(withDelete(draft, row))}
        />
      )}
      {count === 0 && !isComing && (
        <p className="text-center text-muted">
          {isFiltered ? 'No rows match these filters.' : 'No rows yet. Add a row, or use INSERT.'}
        </p>
      )}
      {opened && (
        <CellDialog
          shape={shape}
          {...opened}
          draft={draft}
          isFixed={whyFixed !== undefined}
          onClose={() => setOpened(undefined)}
          onChange={(column, before, after) => change(setCell(draft, opened.row, column, before, after))}
          onDelete={() => change(withDelete(draft, opened.row))}
        />
      )}
      {asked === 'insert' && (
        <InsertDialog
          shape={shape}
          onClose={() => setAsked(undefined)}
          onInsert={(values) => change(withInsert(draft, values))}
        />
      )}
      <UnsavedChangesGuard when={draft.length > 0} what={formatCount(draft.length, 'change')} />
      {asked === 'review' && (
        <ReviewDialog
          shape={shape}
          draft={draft}
          onDrop={(id) => change(without(draft, id))}
          onClose={() => setAsked(undefined)}
          onDone={reset}
        />
      )}
    </Page>
  )
}
