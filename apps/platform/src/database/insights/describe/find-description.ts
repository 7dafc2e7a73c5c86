import type { Docs } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'

/** Returns the function that finds the description of a table, view or column. */
export function createNoteFinder({ tables }: Docs): (table: string, column?: string) => string | null {
  const notes = new Map<string, string>()
  const key = (...names: string[]) => JSON.stringify(names.map(lower))
  for (const { table, description, columns } of tables) {
    notes.set(key(table), description)
    for (const { column, description } of columns) notes.set(key(table, column), description)
  }
  return (...names) => notes.get(key(...(names as string[]))) || null
}
