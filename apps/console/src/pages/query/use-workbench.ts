import { useRef, useState } from 'react'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { toast } from '../../ui/toast.tsx'
import type { Editor } from './editor.tsx'
import { addPast, type QueryTab, readPast } from './query-tabs.ts'
import { getSavedStatus } from './saved-query-status.ts'
import { statementAt } from './statements.ts'
import { useRun } from './use-query-runner.ts'
import { useDrafts } from './use-query-tabs.ts'
import { useSaving } from './use-save-query.ts'
import { useSaved } from './use-saved-queries.ts'

/** The state of the SQL editor's page. */
export type WorkbenchState = ReturnType<typeof useWorkbench>

/** Returns the tabs, saved queries and history of a database, and the actions for the open tab. */
export function useWorkbench(ns: string, db: string) {
  const saved = useSaved(ns, db)
  const tabs = useDrafts(ns, db, saved.queries)
  const { draft } = tabs
  const savedStatus = getSavedStatus(draft, saved.queries)
  const [dialog, openDialog] = useQueryParam('see')
  const saving = useSaving(tabs, saved, savedStatus, () => openDialog('save'))
  const [history, setHistory] = useState(() => readPast(ns, db))
  const recordQuery = (sql: string, failed: boolean) => setHistory(addPast(ns, db, { sql, atMs: Date.now(), failed }))
  const runner = useRun(ns, db, recordQuery)
  const editor = useRef<Editor>(undefined)
  /** Returns the selected text or else the statement at the cursor. */
  const readStatement = () => {
    const { from, to } = editor.current?.selection() ?? { from: 0, to: 0 }
    const span = from < to ? { from, to } : statementAt(draft.sql, from)
    return span ? draft.sql.slice(span.from, span.to) : ''
  }
  const isMissing = tabs.isAsked && !tabs.wanted && saved.queries !== undefined
  return {
    ns,
    db,
    tabs,
    saved,
    savedStatus,
    saving,
    history,
    dialog,
    openDialog,
    closeDialog: () => openDialog(null),
    /** Whether the saved query in the URL doesn't exist. */
    isMissing,
    /** Whether the saved query in the URL is loading. */
    isOpening: tabs.isAsked && !isMissing && !saved.error,
    outcome: runner.outcomes[draft.id],
    run: () => void runner.run(draft.id, readStatement()),
    explain: () => void runner.explain(draft.id, readStatement()),
    measure: (sql: string) => void runner.measure(draft.id, sql),
    cancel: () => runner.cancel(draft.id),
    settle: (answer: Parameters<typeof runner.settle>[1]) => runner.settle(draft.id, answer),
    onEditorReady: (ready: Editor) => {
      editor.current = ready
    },
    closeTab: ({ id, sql, saved: origin }: QueryTab) => {
      tabs.close(id)
      if (!sql.trim() || sql === origin?.sql) return
      recordQuery(sql, false)
      toast('Tab closed.', { name: 'Undo', run: () => tabs.add(sql, origin) })
    },
  }
}
