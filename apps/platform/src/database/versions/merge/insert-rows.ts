import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type RowConflict, refusedRow, tableConflict } from './conflicts.ts'
import { declared, type TableMatch } from './match-tables.ts'
import { sentence } from './steps.ts'

/** The table of the parent's rows that rows of the branch replace, in the transaction of a merge. */
export const REPLACED = '_persql_replaced'

/** The numbers of rows that the parent rejected: new ones and replacements. */
export interface RejectedCounts {
  readonly added: number
  readonly replaced: number
}

/** The runtime's maximum number of columns in a table. */
const MAX_COLUMNS = 100
const NONE: RejectedCounts = { added: 0, replaced: 0 }

/** Saves rows of the parent with their keys, then deletes them. */
export function moveAside(run: RunSql, free: RunSql, match: TableMatch, from: string): void {
  const { parent, columns, key, keyColumns, shape } = match
  const named = columns.map((column, i) => `p.${column} AS ${getColumnName(match, column, i)}`)
  const rowid = keepsRowid(match) ? [`p.${shape.rowid} AS at`] : []
  free(`CREATE TABLE ${REPLACED} AS SELECT ${[...rowid, ...named]} ${from}`)
  run(`DELETE FROM ${parent} WHERE (${key}) IN (SELECT ${keyColumns.map(({ name }) => name)} FROM ${REPLACED})`)
}

/**
 * Inserts rows of the branch in one statement, or row by row if one is rejected. A rejected replacement leaves the
 * parent's row in place.
 * @param where selects the rows of the branch, after the rows that they replace were moved aside
 */
export function insertAll(
  run: RunSql,
  match: TableMatch,
  where: string,
  wanted: number,
  replaced: number,
  reportConflict: (found: RowConflict) => void,
  checkTime: () => void,
): RejectedCounts {
  if (wanted === 0) return NONE
  const { parent, staged, columns, keyColumns, on, link, stagedRowid, table, key } = match
  // OR ABORT overrides the ON CONFLICT clause of the table: a row must neither replace another one nor be dropped
  // silently.
  const insert = `INSERT OR ABORT INTO ${parent} (${columns}) SELECT ${columns.map((column) => `s.${column}`)} FROM ${staged} s`
  try {
    run(`${insert} WHERE ${where}`)
    return NONE
  } catch (cause) {
    const rows = stagedRowid ? run(`SELECT s.${stagedRowid} FROM ${staged} s WHERE ${where}`) : []
    const back = putBack(match)
    if (replaced > 0) run(back)
    if (!stagedRowid) {
      reportConflict(tableConflict(table, 'constraint', sentence(cause)))
      return { added: wanted - replaced, replaced }
    }
    if (replaced > 0) run(`CREATE INDEX ${REPLACED}_key ON ${REPLACED} (${declared(keyColumns)})`)
    const refused = { added: 0, replaced: 0 }
    for (const [at] of rows) {
      checkTime()
      const one = `s.${stagedRowid} = ${at}`
      const inTheWay = `SELECT ${key.map((column) => `p.${column}`)} FROM ${staged} s JOIN ${parent} p ON ${on} WHERE ${one}`
      // Uses the index, unlike an EXISTS condition: both tables can have equally many rows.
      const found = `SELECT o.rowid FROM ${staged} s CROSS JOIN ${REPLACED} o ON ${link('s', 'o')} WHERE ${one}`
      const [old] = replaced > 0 ? run(found) : []
      if (old) run(`DELETE FROM ${parent} WHERE (${key}) IN (${inTheWay})`)
      try {
        run(`${insert} WHERE ${one}`)
      } catch (why) {
        if (old) run(`${back} WHERE o.rowid = ${old[0]}`)
        refused[old ? 'replaced' : 'added']++
        reportConflict(refusedRow(run, match, one, 'constraint', sentence(why)))
      }
    }
    return refused
  }
}

const putBack = (match: TableMatch): string => {
  const { parent, columns, shape } = match
  const rowid = keepsRowid(match)
  const into = rowid ? [shape.rowid, ...columns] : columns
  const from = columns.map((column, i) => `o.${getColumnName(match, column, i)}`)
  return `INSERT OR ABORT INTO ${parent} (${into}) SELECT ${rowid ? ['o.at', ...from] : from} FROM ${REPLACED} o`
}

/** Returns the name of a column in the table of replaced rows. */
const getColumnName = ({ key, keyColumns }: TableMatch, column: string, i: number): string =>
  keyColumns[key.indexOf(column)]?.name ?? `c${i}`

/** Returns whether a row has a rowid that isn't a column, and the saved table has room for it. */
const keepsRowid = ({ shape: { rowid, keyIsRowid, isVirtual }, columns }: TableMatch): boolean =>
  rowid !== undefined && !keyIsRowid && !isVirtual && columns.length < MAX_COLUMNS
