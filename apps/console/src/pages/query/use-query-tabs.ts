import type { SavedQuery } from '@persql/contract'
import { useCallback, useEffect, useState } from 'react'
import { useSearchParams } from 'react-router'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { newDraft, type QueryTab, readDrafts, type SavedQueryRef, writeDrafts } from './query-tabs.ts'
import { originOf, syncTabs } from './saved-query-status.ts'

/**
 * The tabs of a database. Which one is open stands in the address: `?tab=` in this browser, `?saved=` for everybody;
 * `?sql=` opens a new one.
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
    // What is opened takes the place of tabs on which nothing was written.
    setDrafts((known) => [...(sql === '' ? known : known.filter((one) => one.saved || one.sql.trim() !== '')), made])
    open(made)
  }
  const change = (id: string, part: Partial<QueryTab>) =>
    setDrafts((known) => known.map((one) => (one.id === id ? { ...one, ...part } : one)))

  const [asked, ask] = useQueryParam('saved')
  const [tab, sql] = [search.get('tab'), search.get('sql')]
  const here = drafts.find(({ id }) => id === tab) ?? drafts.find(({ saved }) => saved && saved.id === asked)
  const wanted = queries?.find(({ id }) => id === asked)
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for what the address asks
  useEffect(() => {
    if (sql !== null) add(sql)
  }, [sql])
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for what the address asks; a tab that is closed stays so
  useEffect(() => {
    if (wanted && !here) add(wanted.sql, originOf(wanted))
  }, [wanted?.id])

  const draft = here ?? (drafts[0] as QueryTab)
  const isUnnamed = tab === null && asked === null && sql === null
  // biome-ignore lint/correctness/useExhaustiveDependencies: when either changes, and not when the page is drawn anew
  useEffect(() => {
    // What can be passed on is always that of the tab: it was saved, or deleted and brought back, meanwhile.
    if (here || isUnnamed) ask(draft.saved?.id)
  }, [asked, draft.id, draft.saved?.id])
  return {
    drafts,
    draft,
    /** Whether the address asks for a saved query that has no tab yet. */
    isAsked: asked !== null && !here,
    wanted,
    open,
    add,
    change,
    /** Leaves a tab's text on it, as one's own, and opens what is saved beside it. */
    split: ({ id, sql }: QueryTab, saved: SavedQueryRef) => {
      const made = newDraft(saved.sql, saved)
      setDrafts((known) => known.flatMap((one) => (one.id === id ? [made, { id, sql }] : [one])))
      open(made)
    },
    /** Makes a tab's text one's own. */
    untie: ({ id, sql }: QueryTab) => {
      setDrafts((known) => known.map((one) => (one.id === id ? { id, sql } : one)))
      open({ id, sql })
    },
    /** Ties a tab to what was saved of it. */
    tie: (id: string, query: SavedQuery) => {
      change(id, { saved: originOf(query) })
      open({ id, sql: '', saved: originOf(query) })
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
