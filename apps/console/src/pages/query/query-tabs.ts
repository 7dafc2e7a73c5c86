/** The saved query that a tab was opened from, as it was then. */
export interface SavedQueryRef {
  id: string
  name: string
  sql: string
  version: number
}

/** A text somebody writes, on a tab of its own. */
export interface QueryTab {
  id: string
  sql: string
  saved?: SavedQueryRef
}

/** What was run before. */
export interface HistoryEntry {
  sql: string
  atMs: number
  failed: boolean
}

const MAX_PAST = 100
const key = (kind: string, ns: string, db: string) => `persql.${kind}.${ns}/${db}`

function read<T>(name: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(name) ?? '') as T
  } catch {
    return otherwise
  }
}

/** What is full keeps what it has: a text that is not remembered is better than a page that breaks. */
function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // Nothing to do about it.
  }
}

/** A new tab. */
export const newDraft = (sql = '', saved?: SavedQueryRef): QueryTab => ({
  id: Math.random().toString(36).slice(2, 10),
  sql,
  ...(saved && { saved }),
})

/** The tabs of a database in this browser. */
export const readDrafts = (ns: string, db: string): QueryTab[] => {
  const drafts = read<QueryTab[]>(key('drafts', ns, db), [])
  return drafts.length > 0 ? drafts : [newDraft()]
}

/** Remembers the tabs. */
export const writeDrafts = (ns: string, db: string, drafts: readonly QueryTab[]): void =>
  write(key('drafts', ns, db), drafts)

/** What was run in this browser, the newest first. */
export const readPast = (ns: string, db: string): HistoryEntry[] => read<HistoryEntry[]>(key('past', ns, db), [])

/** Remembers what was run; the same once more moves to the top. */
export function addPast(ns: string, db: string, past: HistoryEntry): HistoryEntry[] {
  const next = [past, ...readPast(ns, db).filter(({ sql }) => sql !== past.sql)].slice(0, MAX_PAST)
  write(key('past', ns, db), next)
  return next
}
