import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { isVirtual } from './table-text.ts'

/** The columns and keys of a table, for moving rows. */
export interface MergeTableInfo {
  /** The columns with stored values, neither generated nor hidden. */
  readonly columns: readonly string[]
  /** The declared types, by name in lower case. */
  readonly types: ReadonlyMap<string, string>
  /** The columns of the primary key, or their substitute in a virtual table. */
  readonly key: readonly string[]
  /** The name of the rowid; `undefined` without one, or if columns use all names. */
  readonly rowid: string | undefined
  /** Whether a column is an alias of the rowid. */
  readonly keyIsRowid: boolean
  readonly isVirtual: boolean
}

/** Reads the columns and keys of a table; `undefined` if it doesn't exist. */
export function readMergeTableInfo(run: RunSql, table: string): MergeTableInfo | undefined {
  const [kind] = run(
    "SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE AND type IN ('table', 'virtual')",
    table,
  )
  if (!kind) return undefined
  const all = run('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)', table) as [
    string,
    string,
    number,
    number,
  ][]
  const columns = all.filter(([, , , hidden]) => hidden === 0).map(([name]) => name)
  const keys = all.filter(([, , pk]) => pk > 0).sort(([, , a], [, , b]) => a - b)
  const word = ROWIDS.find((each) => !all.some(([name]) => lower(name) === each))
  const rowid = kind[1] === 1 ? undefined : word
  const sql = readTableSql(run, table)
  const isRtree = isVirtual(sql) && /\busing\s+rtree/i.test(sql)
  const virtualKey = isRtree ? columns.slice(0, 1) : rowid ? [rowid] : []
  return {
    columns,
    types: new Map(all.map(([name, type]) => [lower(name), type.toLowerCase()])),
    key: isVirtual(sql) ? virtualKey : keys.map(([name]) => name),
    rowid: isRtree ? undefined : rowid,
    keyIsRowid: !isVirtual(sql) && kind[1] === 0 && keys.length === 1 && lower(keys[0]?.[1] ?? '') === 'integer',
    isVirtual: isVirtual(sql),
  }
}

/** The prefix of the tables that stage the branch's rows in the transaction of a merge. */
export const STAGED = '_persql_merge_'

/** The names of the rowid, unless columns use them. */
export const ROWIDS = ['rowid', '_rowid_', 'oid']

/** Returns the definition of a table; empty if it doesn't exist. */
export const readTableSql = (run: RunSql, table: string): string =>
  (run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", table)[0]?.[0] as
    | string
    | undefined) ?? ''

/** Returns a column, or the name of the rowid, quoted for SQL. */
export const nameIn = ({ columns, rowid }: Pick<MergeTableInfo, 'columns' | 'rowid'>, name: string): string =>
  name === rowid && !columns.includes(name) ? name : quoteName(name)

/** Returns whether a table has rows; `true` for a virtual table that can't be read. */
export function hasRows(run: RunSql, table: string): boolean {
  try {
    return run(`SELECT 1 FROM ${quoteName(table)} LIMIT 1`).length > 0
  } catch {
    return true
  }
}
