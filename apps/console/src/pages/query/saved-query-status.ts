import type { SavedQuery } from '@persql/contract'
import { newDraft, type QueryTab, type SavedQueryRef } from './query-tabs.ts'

/**
 * How a tab relates to its saved query. `own`: the tab has none. `gone`: it was deleted. `behind`: someone else saved
 * another text since the tab was opened.
 */
export type SavedStatus = 'own' | 'saved' | 'unsaved' | 'behind' | 'gone'

/** Returns the reference that a tab stores to its saved query. */
export const toSavedQueryRef = ({ id, name, sql, version }: SavedQuery): SavedQueryRef => ({ id, name, sql, version })

/** Returns the status of a tab, compared with the current queries or, while they load, with the stored reference. */
export function getSavedStatus({ sql, saved }: QueryTab, queries: readonly SavedQuery[] | undefined): SavedStatus {
  if (!saved) return 'own'
  const now = queries?.find(({ id }) => id === saved.id)
  if (queries && !now) return 'gone'
  if (now && now.version > saved.version && now.sql !== saved.sql) return 'behind'
  return sql === saved.sql ? 'saved' : 'unsaved'
}

/** Updates tabs without unsaved changes to the current queries. A tab whose text changes gets a new ID. */
export function syncTabs(drafts: readonly QueryTab[], queries: readonly SavedQuery[]): readonly QueryTab[] {
  const next = drafts.map((draft) => {
    const { saved, sql } = draft
    const now = queries.find(({ id }) => id === saved?.id)
    if (!saved || !now || now.version <= saved.version) return draft
    if (now.sql === sql || now.sql === saved.sql) return { ...draft, saved: toSavedQueryRef(now) }
    return sql === saved.sql ? newDraft(now.sql, toSavedQueryRef(now)) : draft
  })
  return next.every((draft, index) => draft === drafts[index]) ? drafts : next
}

/** Returns the title of a tab. */
export const getTabTitle = ({ sql, saved }: QueryTab, index: number): string =>
  saved?.name ?? (sql.trim().split('\n')[0]?.slice(0, 24) || `Query ${index + 1}`)

/** Returns the entries that contain all words of the search text. */
export function matching<T>(all: readonly T[], getText: (one: T) => string, wanted: string): readonly T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
  return all.filter((one) => {
    const text = getText(one).toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
