import type { Docs, Finding } from '@persql/contract'
import type { Model } from '../model.ts'
import { type Rule, same } from './rule-types.ts'

/** Finds tables without a description if other tables have one. */
export const docRule: Rule = {
  id: 'table_without_description',
  severity: 'info',
  why: 'Other tables have descriptions, so readers who rely on descriptions miss this table. Add one.',
  *find({ table, model, findNote }) {
    if (!findNote(table.name) && model.tables.some(({ name }) => findNote(name))) {
      yield { what: 'The table has no description.' }
    }
  },
}

/** Returns an issue for each broken view. */
export const viewFindings = ({ views }: Model): Finding[] =>
  views
    .filter(({ error }) => error !== undefined)
    .map(({ name, error }) => ({
      severity: 'error',
      rule: 'broken_view',
      table: name,
      message: `The view is broken: ${error}. Queries on it fail. Recreate it or drop it.`,
    }))

/** Returns an issue for each description of a missing table or column. */
export function staleDocs({ tables, views }: Model, docs: Docs, seesAll: boolean): Finding[] {
  const why = "Readers look for something that doesn't exist. Delete the description."
  const stale = (table: string, what: string, column?: string): Finding => ({
    severity: 'info',
    rule: 'description_of_nothing',
    table,
    ...(column !== undefined && { column }),
    message: `${what} ${why}`,
  })
  return docs.tables.flatMap(({ table, columns }) => {
    const found = [...tables, ...views].find(({ name }) => same(name, table))
    if (!found) return seesAll ? [stale(table, "A description exists for a table that doesn't exist.")] : []
    return columns
      .filter(({ column }) => !found.columns.some(({ name }) => same(name, column)))
      .map(({ column }) => stale(table, `A description exists for column "${column}", which doesn't exist.`, column))
  })
}
