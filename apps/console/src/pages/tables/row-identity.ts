import type { CallOutput } from '../../api/client.ts'
import { quoteName } from '../results/values.ts'

/** The schema of a database. */
export type Schema = CallOutput<'GET /api/namespaces/{ns}/databases/{db}/schema'>
/** A table as the schema tells it. */
export type SchemaTable = Schema['tables'][number]
/** A column as the schema tells it. */
export type SchemaColumn = SchemaTable['columns'][number]

/** More columns in one answer than SQLite gives here: a hundred, some of which tell the key. */
export const MAX_COLUMNS = 80

/** What tells the rows of a table apart. */
export interface RowIdentity {
  name: string
  columns: readonly SchemaColumn[]
  /** Expressions in SQL by which a row is found again, and rows are in order; none when there are none. */
  key: readonly string[]
  /** Why its rows cannot be changed here. */
  whyFixed?: string
}

/** What tells the rows of a table apart: its rowid, or the primary key of a table WITHOUT ROWID. */
export function shapeOf({ name, sql, columns }: SchemaTable): RowIdentity {
  const shown = columns.slice(0, MAX_COLUMNS)
  if (/^\s*CREATE\s+VIRTUAL\b/i.test(sql)) {
    return { name, columns: shown, key: [], whyFixed: 'Virtual tables are read-only here.' }
  }
  const options = sql.slice(sql.lastIndexOf(')') + 1)
  if (/\bWITHOUT\s+ROWID\b/i.test(options)) {
    const parts = columns.filter(({ primaryKey }) => primaryKey > 0).sort((a, b) => a.primaryKey - b.primaryKey)
    return { name, columns: shown, key: parts.map((column) => quoteName(column.name)) }
  }
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowid = ['rowid', '_rowid_', 'oid'].find((alias) => !taken.has(alias))
  if (rowid) return { name, columns: shown, key: [rowid] }
  return { name, columns: shown, key: [], whyFixed: "This table can't be edited: its columns hide the rowid." }
}

/** Whether numbers belong into a column of this type, by SQLite's rules of affinity. */
export const isNumeric = (type: string): boolean =>
  /INT/i.test(type) || (type !== '' && !/CHAR|CLOB|TEXT|BLOB|JSON|ANY/i.test(type))
