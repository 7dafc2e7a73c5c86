import type { SavedQuery } from '@persql/contract'
import { PerSQLError } from '@persql/sdk'
import { useEffect, useRef, useState } from 'react'
import { useCan } from '../../shell/membership.ts'
import { toast } from '../../ui/toast.tsx'
import type { QueryTab } from './query-tabs.ts'
import { type SavedStatus, toSavedQueryRef } from './saved-query-status.ts'
import type { useDrafts } from './use-query-tabs.ts'
import type { Saved } from './use-saved-queries.ts'

/** Returns functions that save the open tab, also with Ctrl+S, and delete a saved query with an Undo button. */
export function useSaving(tabs: ReturnType<typeof useDrafts>, saved: Saved, standing: SavedStatus, ask: () => void) {
  const mayChange = useCan('editor')
  const [error, setError] = useState<unknown>()
  const { draft } = tabs
  const overwrite = async ({ id, sql, saved: origin }: QueryTab, ifVersion: number) => {
    if (!origin || saved.isBusy) return
    setError(undefined)
    try {
      const query = await saved.update(origin.id, { sql, ifVersion })
      tabs.change(id, { saved: toSavedQueryRef(query) })
      toast(`“${query.name}” saved.`)
    } catch (cause) {
      // The refetched query shows up next to the editor, with a choice between both versions.
      if (cause instanceof PerSQLError && /^saved_query_(changed|not_found)$/.test(cause.code)) saved.refetch()
      else setError(cause)
    }
  }
  const save = () => {
    if (!mayChange)
      return toast('You need the editor role to save queries. Your query stays in this tab, in this browser.')
    if (!draft.sql.trim()) return toast('Write a query before you save.')
    if (standing === 'behind') return toast('Someone else changed this query. Choose how to continue below the editor.')
    if (standing === 'saved') return toast(`“${draft.saved?.name}” is already saved.`)
    if (draft.saved && standing === 'unsaved') return void overwrite(draft, draft.saved.version)
    ask()
  }
  const latest = useRef(save)
  latest.current = save
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
      event.preventDefault()
      if (!document.querySelector('[role=dialog]')) latest.current()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  const remove = async ({ id, name, sql }: SavedQuery) => {
    setError(undefined)
    const restore = async () => {
      const query = await saved.create(name, sql)
      for (const tab of tabs.drafts) if (tab.saved?.id === id) tabs.change(tab.id, { saved: toSavedQueryRef(query) })
      toast(`“${name}” restored.`)
    }
    try {
      await saved.remove(id)
      toast(`“${name}” deleted.`, { name: 'Undo', run: () => void restore().catch(setError) })
    } catch (cause) {
      setError(cause)
    }
  }
  const theirs = saved.queries?.find(({ id }) => id === draft.saved?.id)
  return {
    error,
    save,
    remove,
    /** Overwrites the version that someone else saved with this tab's text. */
    overwrite: () => void (theirs && overwrite(draft, theirs.version)),
    /** Opens the version that someone else saved, and moves this tab's text to a tab of its own. */
    take: () => theirs && tabs.split(draft, toSavedQueryRef(theirs)),
    /** Detaches the tab from its saved query. */
    untie: () => tabs.untie(draft),
  }
}
