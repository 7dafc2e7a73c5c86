import { useMemo, useState } from 'react'
import { useApiQuery } from '../../api/hooks.ts'
import { useCan } from '../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import type { RowIdentity } from './row-identity.ts'
import type { Row } from './row-queries.ts'
import { useDraft } from './use-row-changes.ts'
import { useRows, useSource } from './use-rows.ts'
import { useTableView } from './use-table-view.ts'

/** The state of a row browser. */
export type RowBrowserState = ReturnType<typeof useRowBrowser>

/** An open dialog. `column` is an index. */
export type RowDialog = { kind: 'insert' | 'review' } | { kind: 'cell'; row: Row; column: number }

/** Returns the rows of a table, their order and filters, the pending changes and the open dialog. */
export function useRowBrowser(given: RowIdentity) {
  const canEdit = useCan('editor')
  // The schema is refetched regularly, mostly without changes. Its text keeps the object stable.
  const text = JSON.stringify(given)
  const shape = useMemo((): RowIdentity => JSON.parse(text), [text])
  const view = useTableView(shape)
  const rows = useRowsInView(shape, view)
  const changes = useDraft()
  const [dialog, openDialog] = useState<RowDialog>()
  return {
    shape,
    view,
    rows,
    changes,
    /** Why no row can be edited, or `undefined` if rows can be edited. */
    readOnlyReason: shape.whyFixed ?? (canEdit ? undefined : "Viewers can't edit rows."),
    dialog,
    openDialog,
    closeDialog: () => openDialog(undefined),
  }
}

function useRowsInView(shape: RowIdentity, { look, isFiltered }: ReturnType<typeof useTableView>) {
  const ns = useNamespace()
  const db = useDatabase()
  const counts = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', { ns, db })
  const total = isFiltered ? undefined : (counts.data?.find(({ name }) => name === shape.name)?.rowCount ?? undefined)
  const { source, error, refetch, isComing } = useRows(ns, db, shape, look, total)
  const count = useSource(source, (now) => (now.isWhole || total === undefined ? now.count : total))
  const isWhole = useSource(source, (now) => now.isWhole)
  const readError = useSource(source, (now) => now.error)
  return {
    source,
    /** Whether these are still the rows of the previous order and filters. */
    isComing,
    /** The number of rows that can be scrolled to. */
    count,
    /** The number of all rows, or `undefined` until it is known. */
    total: isComing ? undefined : isWhole ? count : total,
    error: error ?? readError,
    retry: error ? refetch : source?.retry,
  }
}
