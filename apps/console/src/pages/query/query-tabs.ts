/** The saved query that a tab was opened from, in the version of that time. */
export interface SavedQueryRef {
  id: string
  name: string
  sql: string
  version: number
}

/** A tab of the editor with its text. */
export interface QueryTab {
  id: string
  sql: string
  saved?: SavedQueryRef
}

/** A statement that ran before. */
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

/** Stores a value. If the storage is full, the previous value stays: losing a draft is better than a broken page. */
function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // The draft stays in memory.
  }
}

/** Creates a tab. */
export const newDraft = (sql = '', saved?: SavedQueryRef): QueryTab => ({
  id: Math.random().toString(36).slice(2, 10),
  sql,
  ...(saved && { saved }),
})

/** Returns the tabs of a database in this browser. */
export const readDrafts = (ns: string, db: string): QueryTab[] => {
  const drafts = read<QueryTab[]>(key('drafts', ns, db), [])
  return drafts.length > 0 ? drafts : [newDraft()]
}

/** Stores the tabs. */
export const writeDrafts = (ns: string, db: string, drafts: readonly QueryTab[]): void =>
  write(key('drafts', ns, db), drafts)

/** Returns the statements that ran in this browser, newest first. */
export const readPast = (ns: string, db: string): HistoryEntry[] => read<HistoryEntry[]>(key('past', ns, db), [])

/** Adds a statement to the history. A repeated statement moves to the top. */
export function addPast(ns: string, db: string, past: HistoryEntry): HistoryEntry[] {
  const next = [past, ...readPast(ns, db).filter(({ sql }) => sql !== past.sql)].slice(0, MAX_PAST)
  write(key('past', ns, db), next)
  return next
}
