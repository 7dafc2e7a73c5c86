import type { Change } from '@persql/contract'
import { lower } from '../../../sqlite/tokenizer.ts'

/** The tables somebody wants to hear of and may; `null` means all. */
export type Tables = readonly string[] | null

/** Names out of a query string. */
export function tablesOf(text: string | undefined): Tables {
  const names = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return names.length === 0 || names.includes('*') ? null : names
}

/** What is left of a wish by the caller's scope. */
export function within(wanted: Tables, scope: Tables): Tables {
  if (scope === null || wanted === null) return wanted ?? scope
  const allowed = new Set(scope.map(lower))
  return wanted.filter((name) => allowed.has(lower(name)))
}

/** Whether a change is one of these tables', or of all. */
export function concerns(tables: Tables): (change: Change) => boolean {
  if (tables === null) return () => true
  const names = new Set(tables.map(lower))
  return ({ table }) => table === '*' || names.has(lower(table))
}
