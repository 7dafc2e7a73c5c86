import { formatCount } from '@persql/endpoint-spec'
import { resolveReference } from './parents.ts'
import { columnRule, isRowid, listed, type Rule, type RuleFinding, type TableUnderTest } from './rule-types.ts'

function* parents(
  { table, model, seesAll }: TableUnderTest,
  state: ReturnType<typeof resolveReference>['state'],
): Iterable<{ columns: readonly string[]; parent: string; to: readonly (string | null)[]; missing: string | null }> {
  for (const key of table.foreignKeys) {
    const parent = resolveReference(key, model)
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
    why: "Rows can't be identified, so they can't be safely updated, linked or upserted. Recreate the table with a primary key.",
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
      why: 'Most tools expect primary keys to be unique and never NULL. Declare the column NOT NULL.',
    },
    (column, { table }) =>
      column.primaryKey > 0 &&
      !column.notNull &&
      table.hasRowid &&
      !table.virtual &&
      !isRowid(table, column) && { what: `"${column.name}" is in the primary key but can be NULL (SQLite allows it).` },
  ),
  {
    id: 'foreign_key_to_missing_table',
    severity: 'error',
    why: 'Writes fail with "no such table", and joins have no target. Create that table, or drop the reference.',
    *find(patient): Iterable<RuleFinding> {
      for (const { columns, parent } of parents(patient, 'no_table')) {
        yield {
          ...onlyColumn(columns),
          what: `${listed(columns)} references the table "${parent}", which doesn't exist.`,
        }
      }
    },
  },
  {
    id: 'foreign_key_to_missing_column',
    severity: 'error',
    why: 'Writes fail with "foreign key mismatch". Reference existing columns.',
    *find(patient): Iterable<RuleFinding> {
      for (const { columns, parent, missing } of parents(patient, 'no_column')) {
        const where =
          missing === null ? `a key that "${parent}" doesn't have` : `"${parent}"."${missing}", which doesn't exist`
        yield { ...onlyColumn(columns), what: `${listed(columns)} references ${where}.` }
      }
    },
  },
  {
    id: 'foreign_key_to_column_not_unique',
    severity: 'error',
    why: 'Writes fail with "foreign key mismatch", because a reference must match exactly one row. Make the referenced columns UNIQUE.',
    *find(patient): Iterable<RuleFinding> {
      for (const { columns, parent, to } of parents(patient, 'not_unique')) {
        yield {
          ...onlyColumn(columns),
          what: `${listed(columns)} references ${listed(to)} of "${parent}", which isn't unique.`,
        }
      }
    },
  },
  {
    id: 'foreign_key_violations',
    severity: 'error',
    why: 'Joins silently drop these rows. Add the missing rows, or clear the references.',
    *find({ sample }): Iterable<RuleFinding> {
      for (const [{ columns, table }, count] of sample?.orphans ?? []) {
        if (count === 0) continue
        const rows = formatCount(count, 'sampled row')
        const point = count === 1 ? 'points to a missing row' : 'point to missing rows'
        yield { ...onlyColumn(columns), what: `In ${listed(columns)}, ${rows} ${point} of "${table}".` }
      }
    },
  },
]
