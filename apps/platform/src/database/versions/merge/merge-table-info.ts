import type { RunSql } from '../../../sqlite/schema-map.ts'
import { lower, quoteName } from '../../../sqlite/tokenizer.ts'
import { isVirtual } from './table-text.ts'

/** A table as rows are moved into and out of it. */
export interface MergeTableInfo {
  /** Columns that hold values: neither generated nor hidden. */
  readonly columns: readonly string[]
  /** Declared types, by lowered name. */
  readonly types: ReadonlyMap<string, string>
  /** The primary key's columns, or what stands for one in a virtual table. */
  readonly key: readonly string[]
  /** The word for the rowid, where there is one and no column bears the name. */
  readonly rowid: string | undefined
  /** Whether a column is the rowid. */
  readonly keyIsRowid: boolean
  readonly isVirtual: boolean
}

/** @returns `undefined` where there is no such table */
export function shapeOf(run: RunSql, table: string): MergeTableInfo | undefined {
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
  const sql = textOf(run, table)
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

/** So begin, within a merge's transaction, the names of the tables that hold the branch's rows. */
export const STAGED = '_persql_merge_'

/** Words for the rowid, as long as no column bears them. */
export const ROWIDS = ['rowid', '_rowid_', 'oid']

/** The text of a table, or nothing. */
export const textOf = (run: RunSql, table: string): string =>
  (run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", table)[0]?.[0] as
    | string
    | undefined) ?? ''

/** A column, or the word for the rowid, as it stands in SQL. */
export const nameIn = ({ columns, rowid }: Pick<MergeTableInfo, 'columns' | 'rowid'>, name: string): string =>
  name === rowid && !columns.includes(name) ? name : quoteName(name)

/** Whether a table has rows; a virtual table that cannot tell has some. */
export function hasRows(run: RunSql, table: string): boolean {
  try {
    return run(`SELECT 1 FROM ${quoteName(table)} LIMIT 1`).length > 0
  } catch {
    return true
  }
}
