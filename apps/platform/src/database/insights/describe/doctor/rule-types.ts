import type { Finding } from '@persql/contract'
import { lower } from '../../../../sqlite/tokenizer.ts'
import type { Column, Model, Table } from '../model.ts'
import type { ColumnSample, Sample } from './sample.ts'
import type { Styles } from './styles.ts'

/** One table, and what rules may want to know around it. */
export interface TableUnderTest {
  readonly table: Table
  /** Absent when its rows were not looked at. */
  readonly sample: Sample | undefined
  readonly model: Model
  readonly styles: Styles
  /** Whether all tables of the database are known, and not only those of a token's scope. */
  readonly seesAll: boolean
  readonly noteOf: (table: string, column?: string) => string | null
  /** Names of everything in the schema, in lower case, and of what is proposed. */
  readonly taken: Set<string>
}

/** What a rule found. */
export interface RuleFinding {
  readonly column?: string
  /** What is wrong, as a sentence. */
  readonly what: string
  readonly fix?: string
}

/** One pattern that confuses people or models. */
export interface Rule {
  readonly id: string
  readonly severity: Finding['severity']
  /** Why that confuses, and what helps. */
  readonly why: string
  readonly find: (patient: TableUnderTest) => Iterable<RuleFinding>
}

/** A rule that looks at the columns of a table one by one. */
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

/** A rule that looks at the sampled values of each column. */
export const valueRule = (
  rule: Omit<Rule, 'find'>,
  find: (values: ColumnSample, column: Column, patient: TableUnderTest) => string | undefined | false,
): Rule =>
  columnRule(rule, (column, patient) => {
    const values = patient.sample?.columns.get(column.name)
    const what = values && find(values, column, patient)
    return what ? { what } : undefined
  })

/** Whether a column is another name of the rowid, which is never NULL and needs no index. */
export const isRowid = ({ hasRowid, columns }: Table, { primaryKey, type }: Column): boolean =>
  hasRowid &&
  primaryKey === 1 &&
  lower(type) === 'integer' &&
  columns.filter((column) => column.primaryKey > 0).length === 1

/** Names for a sentence. */
export const listed = (names: readonly (string | null)[]): string => {
  const quoted = names.map((name) => `"${name}"`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

export const same = (a: string | null, b: string | null): boolean => a !== null && b !== null && lower(a) === lower(b)
