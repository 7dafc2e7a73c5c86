import type { Finding } from '@persql/contract'
import { lower } from '../../../../sqlite/identifiers.ts'
import type { Column, Model, Table } from '../model.ts'
import type { ColumnSample, Sample } from './sample.ts'
import type { Styles } from './styles.ts'

/** A table and its context for rules. */
export interface TableUnderTest {
  readonly table: Table
  /** `undefined` if its rows were not read. */
  readonly sample: Sample | undefined
  readonly model: Model
  readonly styles: Styles
  /** Whether the caller sees all tables of the database, without a table scope. */
  readonly seesAll: boolean
  readonly findNote: (table: string, column?: string) => string | null
  /** Lowercase names of all schema objects and of proposed indexes. */
  readonly taken: Set<string>
}

/** An issue that a rule found. */
export interface RuleFinding {
  readonly column?: string
  /** The issue, as a sentence. */
  readonly what: string
  readonly fix?: string
}

/** A rule for a pattern that confuses people or AI models. */
export interface Rule {
  readonly id: string
  readonly severity: Finding['severity']
  /** The reason why the pattern confuses, and the fix. */
  readonly why: string
  readonly find: (patient: TableUnderTest) => Iterable<RuleFinding>
}

/** Returns a rule that checks the columns of a table one by one. */
export const columnRule = (
  rule: Omit<Rule, 'find'>,
  find: (column: Column, patient: TableUnderTest) => Omit<RuleFinding, 'column'> | undefined | false,
): Rule => ({
  ...rule,
  *find(patient) {
    for (const column of patient.table.columns) {
      const found = find(column, patient)
      if (found) yield { column: column.name, ...found }
    }
  },
})

/** Returns a rule that checks the sampled values of each column. */
export const valueRule = (
  rule: Omit<Rule, 'find'>,
  find: (values: ColumnSample, column: Column, patient: TableUnderTest) => string | undefined | false,
): Rule =>
  columnRule(rule, (column, patient) => {
    const values = patient.sample?.columns.get(column.name)
    const what = values && find(values, column, patient)
    return what ? { what } : undefined
  })

/** Returns whether a column is an alias of the rowid, which is never NULL and needs no index. */
export const isRowid = ({ hasRowid, columns }: Table, { primaryKey, type }: Column): boolean =>
  hasRowid &&
  primaryKey === 1 &&
  lower(type) === 'integer' &&
  columns.filter((column) => column.primaryKey > 0).length === 1

/** Formats names as a list for a sentence. */
export const listed = (names: readonly (string | null)[]): string => {
  const quoted = names.map((name) => `"${name}"`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

export const same = (a: string | null, b: string | null): boolean => a !== null && b !== null && lower(a) === lower(b)
