import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { isInternal } from '../../../sqlite/system-tables.ts'
import { tokens, word } from '../../../sqlite/tokenizer.ts'

/** A table whose IDs SQLite assigns, with the highest one so far. */
export interface HighestId {
  readonly table: string
  readonly key: string
  /** The highest ID; 0 in a table without rows. */
  readonly highest: number
  /** Whether the table has AUTOINCREMENT. */
  readonly counts: boolean
}

/** IDs by table names in lower case. */
export type Ids = Readonly<Record<string, number>>

/** Reads the highest IDs of all tables with an INTEGER PRIMARY KEY, without those with IDs that JSON would round. */
export function readHighestIds(run: RunSql): HighestId[] {
  const tables = run(
    `SELECT m.name, m.sql, x.name FROM sqlite_master m, pragma_table_xinfo(m.name) x
     WHERE m.type = 'table' AND m.sql NOT LIKE 'create virtual%' AND lower(m.name) NOT GLOB '_cf_*' AND lower(m.name) NOT GLOB '_persql_*'
       AND x.pk = 1 AND lower(x.type) = 'integer' AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(m.name) y WHERE y.pk > 1)
       AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l WHERE l.origin = 'pk')`,
  ) as [string, string, string][]
  const counted = new Map(readSequences(run))
  return tables.flatMap(([table, sql, key]) => {
    if (isInternal(table)) return []
    const [[text] = []] = run(`SELECT CAST(max(${quoteName(key)}) AS TEXT) FROM ${quoteName(table)}`)
    const counts = hasAutoincrement(sql)
    const highest = Math.max(0, Number(text ?? 0), counts ? (counted.get(lower(table)) ?? 0) : 0)
    return Number.isSafeInteger(highest) ? [{ table, key, highest, counts }] : []
  })
}

function readSequences(run: RunSql): [string, number][] {
  if (run("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").length === 0) return []
  const rows = run('SELECT name, CAST(max(seq) AS TEXT) FROM sqlite_sequence GROUP BY name') as [
    string,
    string | null,
  ][]
  return rows.map(([name, seq]) => [lower(name), Number(seq ?? 0)])
}

const hasAutoincrement = (sql: string): boolean =>
  /autoincrement/i.test(sql) && [...tokens(sql)].some((token) => word(sql, token) === 'AUTOINCREMENT')

/** Raises the counters of AUTOINCREMENT tables to at least these numbers. */
export function raiseSequences(run: RunSql, floors: Ids): void {
  for (const { table, counts, highest } of readHighestIds(run)) {
    const floor = floors[lower(table)]
    if (!counts || floor === undefined || highest >= floor) continue
    run('DELETE FROM sqlite_sequence WHERE name = ?', table)
    run(`INSERT INTO sqlite_sequence (name, seq) VALUES (?, CAST(? AS INTEGER))`, table, String(floor))
  }
}
