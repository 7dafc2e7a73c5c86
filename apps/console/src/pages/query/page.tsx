import { Plus, X } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useSearchParams } from 'react-router'
import { useCall } from '../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../shell/address.ts'
import { useAsked } from '../../shell/asked.ts'
import { useMay } from '../../shell/membership.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { AskDialog } from './ask-dialog.tsx'
import { addPast, newDraft, readDrafts, readPast, writeDrafts } from './drafts.ts'
import type { Editor } from './editor.tsx'
import { HistoryDialog } from './history-dialog.tsx'
import { Outcome } from './outcome.tsx'
import { statementAt } from './statements.ts'
import { useRun } from './use-run.ts'

const SqlEditor = lazy(() => import('./editor.tsx').then(({ SqlEditor }) => ({ default: SqlEditor })))

/** SQL, and what it answers. Which tab is open stands in the address; `?sql=…` opens one with that. */
export function QueryPage() {
  const ns = useNamespace()
  const db = useDatabase()
  return <Workbench key={`${ns}/${db}`} ns={ns} db={db} />
}

function Workbench({ ns, db }: { ns: string; db: string }) {
  const [search, setSearch] = useSearchParams()
  const [drafts, setDrafts] = useState(() => readDrafts(ns, db))
  const [past, setPast] = useState(() => readPast(ns, db))
  const [isPastOpen, setPastOpen] = useState(false)
  const [isAsking, ask] = useAsked('ask')
  const mayAsk = useMay('editor')
  const editor = useRef<Editor>(undefined)
  const draft = drafts.find(({ id }) => id === search.get('tab')) ?? drafts[0] ?? newDraft()
  const open = useCallback((id: string) => setSearch({ tab: id }, { replace: true }), [setSearch])
  const keep = useCallback(
    (next: typeof drafts) => {
      setDrafts(next)
      writeDrafts(ns, db, next)
    },
    [ns, db],
  )
  const add = (sql = '') => {
    const made = newDraft(sql)
    keep([...drafts, made])
    open(made.id)
  }
  const asked = search.get('sql')
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for what the address asks
  useEffect(() => {
    if (asked !== null) add(asked)
  }, [asked])

  const schema = useCall('GET /api/namespaces/{ns}/databases/{db}/schema', { ns, db })
  const text = JSON.stringify(
    Object.fromEntries(schema.data?.tables.map(({ name, columns }) => [name, columns.map((one) => one.name)]) ?? []),
  )
  const names = useMemo(() => JSON.parse(text) as Record<string, string[]>, [text])
  const { outcomes, run, explain, cancel, settle } = useRun(ns, db, (sql, failed) =>
    setPast(addPast(ns, db, { sql, atMs: Date.now(), failed })),
  )
  const outcome = outcomes[draft.id]
  const chosen = () => {
    const { from, to } = editor.current?.selection() ?? { from: 0, to: 0 }
    const span = from < to ? { from, to } : statementAt(draft.sql, from)
    return span ? draft.sql.slice(span.from, span.to) : ''
  }
  const isRunning = outcome?.kind === 'running'
  return (
    <Page title="Query">
      <div className="grid min-w-0 overflow-hidden rounded-card border border-line bg-surface">
        <div className="flex items-center gap-1 overflow-x-auto border-b border-line bg-sunken px-2 py-1">
          {drafts.map(({ id, sql }, index) => (
            <div
              key={id}
              className={classes('flex shrink-0 items-center rounded-field', id === draft.id && 'bg-surface')}
            >
              <button
                type="button"
                aria-pressed={id === draft.id}
                onClick={() => open(id)}
                className={classes(
                  'max-w-40 truncate px-2 py-1 text-sm -outline-offset-2',
                  id !== draft.id && 'text-muted',
                )}
              >
                {sql.trim().split('\n')[0]?.slice(0, 24) || `Query ${index + 1}`}
              </button>
              {drafts.length > 1 && (
                <button
                  type="button"
                  aria-label={`Close query ${index + 1}`}
                  onClick={() => {
                    keep(drafts.filter((one) => one.id !== id))
                    if (sql.trim()) setPast(addPast(ns, db, { sql, atMs: Date.now(), failed: false }))
                  }}
                  className="grid size-7 place-items-center rounded-field -outline-offset-2 hover:bg-sunken"
                >
                  <X aria-hidden className="size-3.5" />
                </button>
              )}
            </div>
          ))}
          <Button look="quiet" size="small" aria-label="New query" onClick={() => add()}>
            <Plus aria-hidden className="size-4" />
          </Button>
        </div>
        <div className="h-[30dvh] min-h-40">
          <Suspense fallback={<Skeleton className="h-full w-full" />}>
            <SqlEditor
              id={draft.id}
              initial={draft.sql}
              schema={names}
              onChange={(sql) => keep(drafts.map((one) => (one.id === draft.id ? { ...one, sql } : one)))}
              onRun={() => run(draft.id, chosen())}
              onReady={(ready) => {
                editor.current = ready
              }}
            />
          </Suspense>
        </div>
        <div className="flex flex-wrap items-center gap-2 border-t border-line px-2 py-2">
          {isRunning ? (
            <Button size="small" look="danger" onClick={() => cancel(draft.id)}>
              Cancel
            </Button>
          ) : (
            <Button size="small" look="primary" disabled={!draft.sql.trim()} onClick={() => run(draft.id, chosen())}>
              Run
            </Button>
          )}
          <Button size="small" disabled={isRunning || !draft.sql.trim()} onClick={() => explain(draft.id, chosen())}>
            Explain
          </Button>
          <Button size="small" onClick={() => setPastOpen(true)}>
            History
          </Button>
          {mayAsk && (
            <Button size="small" onClick={() => ask('')}>
              Ask in words
            </Button>
          )}
          <span className="hidden text-sm text-muted sm:inline">Ctrl+Enter runs the statement at the cursor.</span>
        </div>
      </div>
      <Outcome
        outcome={outcome}
        name={db}
        onRedeemed={(answer) => settle(draft.id, answer)}
        onRetry={() => run(draft.id, chosen())}
      />
      {isAsking !== null && <AskDialog ns={ns} db={db} onClose={() => ask(null)} onTake={add} />}
      {isPastOpen && <HistoryDialog past={past} onClose={() => setPastOpen(false)} onTake={add} />}
    </Page>
  )
}
