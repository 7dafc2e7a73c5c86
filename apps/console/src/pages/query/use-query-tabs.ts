import type { SavedQuery } from '@persql/contract'
import { useCallback, useEffect, useState } from 'react'
import { useSearchParams } from 'react-router'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { newDraft, type QueryTab, readDrafts, type SavedQueryRef, writeDrafts } from './query-tabs.ts'
import { syncTabs, toSavedQueryRef } from './saved-query-status.ts'

/**
 * Returns the tabs of a database and their actions. The URL stores the open tab: `?tab=` for this browser, `?saved=`
 * for everyone. `?sql=` opens a new tab.
 */
export function useDrafts(ns: string, db: string, queries: readonly SavedQuery[] | undefined) {
  const [search, setSearch] = useSearchParams()
  const [drafts, setDrafts] = useState<readonly QueryTab[]>(() => readDrafts(ns, db))
  useEffect(() => writeDrafts(ns, db, drafts), [ns, db, drafts])
  useEffect(() => {
    if (queries) setDrafts((known) => syncTabs(known, queries))
  }, [queries])

  const open = useCallback(
    ({ id, saved }: QueryTab) => setSearch({ tab: id, ...(saved && { saved: saved.id }) }, { replace: true }),
    [setSearch],
  )
  const add = (sql = '', saved?: SavedQueryRef) => {
    const made = newDraft(sql, saved)
    // A new text replaces empty tabs.
    setDrafts((known) => [...(sql === '' ? known : known.filter((one) => one.saved || one.sql.trim() !== '')), made])
    open(made)
  }
  const change = (id: string, part: Partial<QueryTab>) =>
    setDrafts((known) => known.map((one) => (one.id === id ? { ...one, ...part } : one)))

  const [asked, ask] = useQueryParam('saved')
  const [tab, sql] = [search.get('tab'), search.get('sql')]
  const here = drafts.find(({ id }) => id === tab) ?? drafts.find(({ saved }) => saved && saved.id === asked)
  const wanted = queries?.find(({ id }) => id === asked)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once per text in the URL
  useEffect(() => {
    if (sql !== null) add(sql)
  }, [sql])
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once per query in the URL; a closed tab stays closed
  useEffect(() => {
    if (wanted && !here) add(wanted.sql, toSavedQueryRef(wanted))
  }, [wanted?.id])

  const draft = here ?? (drafts[0] as QueryTab)
  const isUnnamed = tab === null && asked === null && sql === null
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs if the tab or URL changes, not on every render
  useEffect(() => {
    // `?saved=` follows the tab, whose saved query can be created, deleted or restored.
    if (here || isUnnamed) ask(draft.saved?.id)
  }, [asked, draft.id, draft.saved?.id])
  return {
    drafts,
    draft,
    /** Whether the URL names a saved query that isn't open in a tab yet. */
    isAsked: asked !== null && !here,
    wanted,
    open,
    add,
    change,
    /** Detaches a tab's text from its saved query and opens the query in a new tab next to it. */
    split: ({ id, sql }: QueryTab, saved: SavedQueryRef) => {
      const made = newDraft(saved.sql, saved)
      setDrafts((known) => known.flatMap((one) => (one.id === id ? [made, { id, sql }] : [one])))
      open(made)
    },
    /** Detaches a tab from its saved query. */
    untie: ({ id, sql }: QueryTab) => {
      setDrafts((known) => known.map((one) => (one.id === id ? { id, sql } : one)))
      open({ id, sql })
    },
    /** Attaches a tab to the query that it was saved as. */
    tie: (id: string, query: SavedQuery) => {
      change(id, { saved: toSavedQueryRef(query) })
      open({ id, sql: '', saved: toSavedQueryRef(query) })
    },
    close: (id: string) => {
      const index = drafts.findIndex((one) => one.id === id)
      const rest = drafts.filter((one) => one.id !== id)
      const next = rest.length > 0 ? rest : [newDraft()]
      setDrafts(next)
      if (id === draft.id) open(next[Math.min(index, next.length - 1)] as QueryTab)
    },
  }
}
