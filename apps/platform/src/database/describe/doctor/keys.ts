import { parentOf } from './parents.ts'
import { columnRule, type Found, isRowid, listed, type Patient, type Rule } from './rule.ts'

function* parents(
  { table, model, seesAll }: Patient,
  state: ReturnType<typeof parentOf>['state'],
): Iterable<{ columns: readonly string[]; parent: string; to: readonly (string | null)[]; missing: string | null }> {
  for (const key of table.foreignKeys) {
    const parent = parentOf(key, model)
    if (parent.state !== state || (state === 'no_table' && !seesAll)) continue
    const missing = parent.state === 'no_column' ? parent.column : null
    yield { columns: key.columns, parent: key.table, to: key.to, missing }
  }
}

const onlyColumn = (columns: readonly string[]) => (columns.length === 1 ? { column: columns[0] as string } : {})

/** Rules about primary and foreign keys. */
export const keyRules: readonly Rule[] = [
  {
    id: 'no_primary_key',
    severity: 'warning',
    why: 'A row cannot be named, so it cannot be changed, linked or upserted safely. Make the table anew with one.',
    *find({ table }) {
      if (!table.virtual && table.columns.every(({ primaryKey }) => primaryKey === 0)) {
        yield { what: 'The table has no primary key.' }
      }
    },
  },
  columnRule(
    {
      id: 'nullable_primary_key',
      severity: 'warning',
      why: 'Everybody else takes a primary key for a value that is there, and there once. Declare it NOT NULL.',
    },
    (column, { table }) =>
      column.primaryKey > 0 &&
      !column.notNull &&
      table.hasRowid &&
      !table.virtual &&
      !isRowid(table, column) && { what: `"${column.name}" is in the primary key, and may be NULL in SQLite.` },
  ),
  {
    id: 'foreign_key_to_missing_table',
    severity: 'error',
    why: 'Writes fail with "no such table", and a join has nothing to go to. Make that table, or drop the reference.',
    *find(patient): Iterable<Found> {
      for (const { columns, parent } of parents(patient, 'no_table')) {
        yield {
          ...onlyColumn(columns),
          what: `${listed(columns)} refers to the table "${parent}", which does not exist.`,
        }
      }
    },
  },
  {
    id: 'foreign_key_to_missing_column',
    severity: 'error',
    why: 'Writes fail with "foreign key mismatch". Name columns that exist.',
    *find(patient): Iterable<Found> {
      for (const { columns, parent, missing } of parents(patient, 'no_column')) {
        const where =
          missing === null ? `a key that "${parent}" does not have` : `"${parent}"."${missing}", which is not there`
        yield { ...onlyColumn(columns), what: `${listed(columns)} refers to ${where}.` }
      }
    },
  },
  {
    id: 'foreign_key_to_column_not_unique',
    severity: 'error',
    why: 'SQLite refuses writes with "foreign key mismatch": a reference must lead to one row. Make what it leads to UNIQUE.',
    *find(patient): Iterable<Found> {
      for (const { columns, parent, to } of parents(patient, 'not_unique')) {
        yield {
          ...onlyColumn(columns),
          what: `${listed(columns)} refers to ${listed(to)} of "${parent}", which is not unique.`,
        }
      }
    },
  },
  {
    id: 'foreign_key_violations',
    severity: 'error',
    why: 'Joins lose those rows without a word. Add what is missing, or clear the reference.',
    *find({ sample }): Iterable<Found> {
      for (const [{ columns, table }, count] of sample?.orphans ?? []) {
        if (count === 0) continue
        const rows = count === 1 ? '1 of the first rows points' : `${count} of the first rows point`
        yield {
          ...onlyColumn(columns),
          what: `In ${listed(columns)}, ${rows} to rows of "${table}" that do not exist.`,
        }
      }
    },
  },
]
