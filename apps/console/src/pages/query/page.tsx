import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Page } from '../../ui/page.tsx'
import { EditorCard } from './editor-card.tsx'
import { QueryDialogs } from './query-dialogs.tsx'
import { QueryResult } from './query-result.tsx'
import { SavedQueryNotFound } from './saved-query-not-found.tsx'
import { useWorkbench } from './use-workbench.ts'

/** The SQL editor with its results. The URL stores the tab, saved query and dialog; `?sql=…` opens a new tab. */
export function QueryPage() {
  const ns = useNamespace()
  const db = useDatabase()
  return <Workbench key={`${ns}/${db}`} ns={ns} db={db} />
}

function Workbench({ ns, db }: { ns: string; db: string }) {
  const workbench = useWorkbench(ns, db)
  const { tabs, saved, saving } = workbench
  const { draft } = tabs
  return (
    <Page title="Query">
      {workbench.isMissing && (
        <SavedQueryNotFound onSee={() => workbench.openDialog('saved')} onClose={() => tabs.open(draft)} />
      )}
      {tabs.isAsked && saved.error && <ErrorPanel error={saved.error} onRetry={saved.refetch} />}
      {saving.error !== undefined && <ErrorPanel error={saving.error} />}
      <EditorCard workbench={workbench} />
      <QueryResult
        outcome={workbench.outcome}
        name={draft.saved?.name ?? db}
        onRedeemed={workbench.settle}
        onRetry={workbench.run}
        onMeasure={workbench.measure}
      />
      <QueryDialogs workbench={workbench} />
    </Page>
  )
}
