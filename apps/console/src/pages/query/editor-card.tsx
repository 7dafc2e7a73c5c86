import { lazy, Suspense, useMemo } from 'react'
import { useApiQuery } from '../../api/hooks.ts'
import { Skeleton } from '../../ui/skeleton.tsx'
import { SavedQueryNotice } from './saved-query-notice.tsx'
import { TabBar } from './tab-bar.tsx'
import { Toolbar } from './toolbar.tsx'
import type { WorkbenchState } from './use-workbench.ts'

const SqlEditor = lazy(() => import('./editor.tsx').then(({ SqlEditor }) => ({ default: SqlEditor })))

/** The tabs, the text of the open tab, and its actions. */
export function EditorCard({ workbench }: { workbench: WorkbenchState }) {
  const { ns, db, tabs, saved, savedStatus, saving, dialog, openDialog, outcome, run } = workbench
  const { draft } = tabs
  const names = useColumnNames(ns, db)
  return (
    <div className="grid min-w-0 overflow-hidden rounded-card border border-line bg-surface">
      <TabBar
        drafts={tabs.drafts}
        open={draft.id}
        queries={saved.queries}
        onOpen={tabs.open}
        onClose={workbench.closeTab}
        onAdd={() => tabs.add()}
      />
      <div className="h-[30dvh] min-h-40">
        {workbench.isOpening ? (
          <Skeleton className="h-full w-full" />
        ) : (
          <Suspense fallback={<Skeleton className="h-full w-full" />}>
            <SqlEditor
              id={draft.id}
              initial={draft.sql}
              schema={names}
              onChange={(sql) => tabs.change(draft.id, { sql })}
              onRun={run}
              onReady={workbench.onEditorReady}
            />
          </Suspense>
        )}
      </div>
      {draft.saved && (
        <SavedQueryNotice
          standing={savedStatus}
          origin={draft.saved}
          onTake={saving.take}
          onOverwrite={saving.overwrite}
          onKeep={saving.untie}
        />
      )}
      <Toolbar
        isRunning={outcome?.kind === 'running'}
        isEmpty={!draft.sql.trim()}
        standing={savedStatus}
        isSaving={saved.isBusy && dialog === null}
        onRun={run}
        onCancel={workbench.cancel}
        onExplain={workbench.explain}
        onSave={saving.save}
        onSee={openDialog}
      />
    </div>
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
