import { lower } from '../../../../sqlite/identifiers.ts'
import type { ForeignKey, Model, Table } from '../model.ts'
import { same } from './rule-types.ts'

/** The target of a foreign key. */
export type Parent =
  | { readonly state: 'found' | 'not_unique'; readonly table: Table; readonly columns: readonly string[] }
  | { readonly state: 'no_table' }
  | { readonly state: 'no_column'; readonly column: string | null }

/** Finds the columns that a foreign key references, and whether they are unique, which SQLite requires. */
export function resolveReference({ table: name, to, columns }: ForeignKey, { tables }: Model): Parent {
  const table = tables.find((one) => same(one.name, name))
  if (!table) return { state: 'no_table' }
  const primary = table.columns
    .filter(({ primaryKey }) => primaryKey > 0)
    .sort((a, b) => a.primaryKey - b.primaryKey)
    .map((column) => column.name)
  const wanted = to.some((column) => column === null) ? primary : (to as string[])
  if (wanted.length !== columns.length) return { state: 'no_column', column: null }
  const missing = wanted.find((column) => !table.columns.some((one) => same(one.name, column)))
  if (missing !== undefined) return { state: 'no_column', column: missing }
  const unique = [
    primary,
    ...table.indexes
      .filter(({ unique, partial, terms }) => unique && !partial && terms.every(({ name }) => name !== null))
      .map(({ terms }) => terms.map((term) => term.name as string)),
  ].some((key) => toSetKey(key) === toSetKey(wanted))
  return { state: unique ? 'found' : 'not_unique', table, columns: wanted }
}

const toSetKey = (names: readonly string[]) => JSON.stringify(names.map(lower).sort())
