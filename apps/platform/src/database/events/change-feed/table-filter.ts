import type { Change } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'

/** The tables of a subscription; `null` means all. */
export type Tables = readonly string[] | null

/** Parses a comma-separated list of tables. */
export function parseTableFilter(text: string | undefined): Tables {
  const names = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return names.length === 0 || names.includes('*') ? null : names
}

/** Returns the wanted tables that are in the caller's scope. */
export function within(wanted: Tables, scope: Tables): Tables {
  if (scope === null || wanted === null) return wanted ?? scope
  const allowed = new Set(scope.map(lower))
  return wanted.filter((name) => allowed.has(lower(name)))
}

/** Returns a filter for changes of these tables and changes of all tables. */
export function concerns(tables: Tables): (change: Change) => boolean {
  if (tables === null) return () => true
  const names = new Set(tables.map(lower))
  return ({ table }) => table === '*' || names.has(lower(table))
}
