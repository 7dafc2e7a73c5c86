import type { SavedQuery } from '@persql/contract'
import { newDraft, type QueryTab, type SavedQueryRef } from './query-tabs.ts'

/**
 * How a tab stands to the saved query it was opened from: `own` is of none, `gone` of one that was deleted, `behind` has
 * changes while somebody else saved others.
 */
export type SavedStatus = 'own' | 'saved' | 'unsaved' | 'behind' | 'gone'

/** What a tab remembers of a saved query. */
export const originOf = ({ id, name, sql, version }: SavedQuery): SavedQueryRef => ({ id, name, sql, version })

/** How a tab stands, by what is saved now; while that is not known, by what was. */
export function getSavedStatus({ sql, saved }: QueryTab, queries: readonly SavedQuery[] | undefined): SavedStatus {
  if (!saved) return 'own'
  const now = queries?.find(({ id }) => id === saved.id)
  if (queries && !now) return 'gone'
  if (now && now.version > saved.version && now.sql !== saved.sql) return 'behind'
  return sql === saved.sql ? 'saved' : 'unsaved'
}

/** Tabs without changes of their own take what others saved. A text that another replaces comes on a tab of a new id. */
export function syncTabs(drafts: readonly QueryTab[], queries: readonly SavedQuery[]): readonly QueryTab[] {
  const next = drafts.map((draft) => {
    const { saved, sql } = draft
    const now = queries.find(({ id }) => id === saved?.id)
    if (!saved || !now || now.version <= saved.version) return draft
    if (now.sql === sql || now.sql === saved.sql) return { ...draft, saved: originOf(now) }
    return sql === saved.sql ? newDraft(now.sql, originOf(now)) : draft
  })
  return next.every((draft, index) => draft === drafts[index]) ? drafts : next
}

/** What a tab is called. */
export const titleOf = ({ sql, saved }: QueryTab, index: number): string =>
  saved?.name ?? (sql.trim().split('\n')[0]?.slice(0, 24) || `Query ${index + 1}`)

/** Those that hold every word somebody looks for. */
export function matching<T>(all: readonly T[], textOf: (one: T) => string, wanted: string): readonly T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
  return all.filter((one) => {
    const text = textOf(one).toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
