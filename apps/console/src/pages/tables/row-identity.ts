import type { CallOutput } from '../../api/client.ts'
import { quoteName } from '../results/values.ts'

/** The schema of a database. */
export type Schema = CallOutput<'GET /api/namespaces/{ns}/databases/{db}/schema'>
/** A table, as the schema describes it. */
export type SchemaTable = Schema['tables'][number]
/** A column, as the schema describes it. */
export type SchemaColumn = SchemaTable['columns'][number]

/** The maximum number of columns to read. A result can have 100 columns, and some of them contain the key and marks. */
export const MAX_COLUMNS = 80

/** The columns of a table and the key that identifies its rows. */
export interface RowIdentity {
  name: string
  columns: readonly SchemaColumn[]
  /** SQL expressions that identify and order the rows. Empty if the table has no usable key. */
  key: readonly string[]
  /** The reason why the rows are read-only. */
  whyFixed?: string
}

/** Returns the identity of a table's rows: the rowid, or the primary key of a WITHOUT ROWID table. */
export function getRowIdentity({ name, sql, columns }: SchemaTable): RowIdentity {
  const shown = columns.slice(0, MAX_COLUMNS)
  if (/^\s*CREATE\s+VIRTUAL\b/i.test(sql)) {
    return { name, columns: shown, key: [], whyFixed: "Virtual tables can't be edited here." }
  }
  const options = sql.slice(sql.lastIndexOf(')') + 1)
  if (/\bWITHOUT\s+ROWID\b/i.test(options)) {
    const parts = columns.filter(({ primaryKey }) => primaryKey > 0).sort((a, b) => a.primaryKey - b.primaryKey)
    return { name, columns: shown, key: parts.map((column) => quoteName(column.name)) }
  }
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowid = ['rowid', '_rowid_', 'oid'].find((alias) => !taken.has(alias))
  if (rowid) return { name, columns: shown, key: [rowid] }
  return {
    name,
    columns: shown,
    key: [],
    whyFixed: "Tables with columns named rowid, _rowid_ and oid can't be edited here.",
  }
}

/** Returns whether a column type stores numbers, by the rules of SQLite's type affinity. */
export const isNumeric = (type: string): boolean =>
  /INT/i.test(type) || (type !== '' && !/CHAR|CLOB|TEXT|BLOB|JSON|ANY/i.test(type))
