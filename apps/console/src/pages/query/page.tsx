import { lazy, Suspense, useMemo, useRef, useState } from 'react'
import { useApiQuery } from '../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { toast } from '../../ui/toast.tsx'
import type { Editor } from './editor.tsx'
import { AskDialog } from './generate-query-dialog.tsx'
import { HistoryDialog } from './history-dialog.tsx'
import { QueryResult } from './query-result.tsx'
import { addPast, type QueryTab, readPast } from './query-tabs.ts'
import { SaveDialog } from './save-query-dialog.tsx'
import { SavedDialog } from './saved-queries-dialog.tsx'
import { SavedQueryNotFound } from './saved-query-not-found.tsx'
import { SavedQueryNotice } from './saved-query-notice.tsx'
import { getSavedStatus, originOf } from './saved-query-status.ts'
import { statementAt } from './statements.ts'
import { TabBar } from './tab-bar.tsx'
import { Toolbar } from './toolbar.tsx'
import { useRun } from './use-query-runner.ts'
import { useDrafts } from './use-query-tabs.ts'
import { useSaving } from './use-save-query.ts'
import { useSaved } from './use-saved-queries.ts'

const SqlEditor = lazy(() => import('./editor.tsx').then(({ SqlEditor }) => ({ default: SqlEditor })))

/** The SQL editor with its results. The URL stores the tab, saved query and dialog; `?sql=…` opens a new tab. */
export function QueryPage() {
  const ns = useNamespace()
  const db = useDatabase()
  return <Workbench key={`${ns}/${db}`} ns={ns} db={db} />
}

function Workbench({ ns, db }: { ns: string; db: string }) {
  const saved = useSaved(ns, db)
  const tabs = useDrafts(ns, db, saved.queries)
  const { draft } = tabs
  const standing = getSavedStatus(draft, saved.queries)
  const [seen, see] = useQueryParam('see')
  const saving = useSaving(tabs, saved, standing, () => see('save'))
  const [past, setPast] = useState(() => readPast(ns, db))
  const editor = useRef<Editor>(undefined)
  const names = useColumnNames(ns, db)
  const { outcomes, run, explain, measure, cancel, settle } = useRun(ns, db, (sql, failed) =>
    setPast(addPast(ns, db, { sql, atMs: Date.now(), failed })),
  )
  const outcome = outcomes[draft.id]
  const chosen = () => {
    const { from, to } = editor.current?.selection() ?? { from: 0, to: 0 }
    const span = from < to ? { from, to } : statementAt(draft.sql, from)
    return span ? draft.sql.slice(span.from, span.to) : ''
  }
  const close = ({ id, sql, saved }: QueryTab) => {
    tabs.close(id)
    if (!sql.trim() || sql === saved?.sql) return
    setPast(addPast(ns, db, { sql, atMs: Date.now(), failed: false }))
    toast('Tab closed.', { name: 'Undo', run: () => tabs.add(sql, saved) })
  }
  const isMissing = tabs.isAsked && !tabs.wanted && saved.queries !== undefined
  const isOpening = tabs.isAsked && !isMissing && !saved.error
  return (
    <Page title="Query">
      {isMissing && <SavedQueryNotFound onSee={() => see('saved')} onClose={() => tabs.open(draft)} />}
      {tabs.isAsked && saved.error && <ErrorPanel error={saved.error} onRetry={saved.refetch} />}
      {saving.error !== undefined && <ErrorPanel error={saving.error} />}
      <div className="grid min-w-0 overflow-hidden rounded-card border border-line bg-surface">
        <TabBar
          drafts={tabs.drafts}
          open={draft.id}
          queries={saved.queries}
          onOpen={tabs.open}
          onClose={close}
          onAdd={() => tabs.add()}
        />
        <div className="h-[30dvh] min-h-40">
          {isOpening ? (
            <Skeleton className="h-full w-full" />
          ) : (
            <Suspense fallback={<Skeleton className="h-full w-full" />}>
              <SqlEditor
                id={draft.id}
                initial={draft.sql}
                schema={names}
                onChange={(sql) => tabs.change(draft.id, { sql })}
                onRun={() => run(draft.id, chosen())}
                onReady={(ready) => {
                  editor.current = ready
                }}
              />
            </Suspense>
          )}
        </div>
        {draft.saved && (
          <SavedQueryNotice
            standing={standing}
            origin={draft.saved}
            onTake={saving.take}
            onOverwrite={saving.overwrite}
            onKeep={saving.untie}
          />
        )}
        <Toolbar
          isRunning={outcome?.kind === 'running'}
          isEmpty={!draft.sql.trim()}
          standing={standing}
          isSaving={saved.isBusy && seen === null}
          onRun={() => run(draft.id, chosen())}
          onCancel={() => cancel(draft.id)}
          onExplain={() => explain(draft.id, chosen())}
          onSave={saving.save}
          onSee={see}
        />
      </div>
      <QueryResult
        outcome={outcome}
        name={draft.saved?.name ?? db}
        onRedeemed={(answer) => settle(draft.id, answer)}
        onRetry={() => run(draft.id, chosen())}
        onMeasure={(sql) => measure(draft.id, sql)}
      />
      {seen === 'ask' && <AskDialog ns={ns} db={db} onClose={() => see(null)} onTake={(sql) => tabs.add(sql)} />}
      {seen === 'history' && <HistoryDialog past={past} onClose={() => see(null)} onTake={(sql) => tabs.add(sql)} />}
      {seen === 'save' && draft.sql.trim() !== '' && (
        <SaveDialog
          saved={saved}
          sql={draft.sql}
          name={draft.saved ? (standing === 'gone' ? draft.saved.name : `${draft.saved.name} 2`.slice(0, 80)) : ''}
          onSaved={(query) => {
            tabs.tie(draft.id, query)
            toast(`“${query.name}” saved.`)
          }}
          onClose={() => see(null)}
        />
      )}
      {seen === 'saved' && (
        <SavedDialog
          saved={saved}
          onOpen={(query) => {
            const there = tabs.drafts.find((one) => one.saved?.id === query.id)
            if (there) tabs.open(there)
            else tabs.add(query.sql, originOf(query))
          }}
          onDelete={(query) => {
            see(null)
            void saving.remove(query)
          }}
          onClose={() => see(null)}
        />
      )}
    </Page>
  )
}

/** Returns the columns of each table, for completion. The object only changes if they do. */
function useColumnNames(ns: string, db: string): Record<string, string[]> {
  const { data } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/schema', { ns, db })
  const text = JSON.stringify(
    Object.fromEntries(data?.tables.map(({ name, columns }) => [name, columns.map((one) => one.name)]) ?? []),
  )
  return useMemo(() => JSON.parse(text) as Record<string, string[]>, [text])
}
