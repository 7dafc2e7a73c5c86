import type { TableMatch } from './match-tables.ts'
import { Inserts } from './row-decisions.ts'
import { hashRow, isLong, isShort, keyText, rowBytes } from './row-text.ts'

/** The number of rows saved per table. A later merge treats differences in other rows as conflicts. */
const MAX_ROWS = 1_000_000

/**
 * Saves the rows that are now the same on both sides. It deletes rows that exist on neither side and leaves all others.
 * Call it in the transaction of the merge, after the rows were merged.
 */
export function saveMergeBase(
  run: (sql: string) => unknown[][],
  scan: (sql: string) => Iterable<unknown>,
  { staged, parent, columns, key, keyColumns, link, on, same }: TableMatch,
  base: string,
): void {
  const names = keyColumns.map(({ name }) => name)
  const row = columns.map((column) => `s.${column}`)
  const keys = key.map((column) => `s.${column}`)
  let count = run(`SELECT count(*) FROM ${base}`)[0]?.[0] as number
  if (count > 0) {
    const isOn = (table: string, side: string) => `EXISTS (SELECT 1 FROM ${table} ${side} WHERE ${link(side, 'b')})`
    run(`DELETE FROM ${base} AS b WHERE NOT ${isOn(staged, 's')} AND NOT ${isOn(parent, 'p')}`)
    // The saved hash of a row that has become too long is out of date.
    const tooLong = `SELECT ${keys} FROM ${staged} s JOIN ${parent} p ON ${on} WHERE ${same} AND ${isLong(row)}`
    run(`DELETE FROM ${base} WHERE (${names}) IN (${tooLong})`)
    count = run(`SELECT count(*) FROM ${base}`)[0]?.[0] as number
  }
  const common = scan(
    `SELECT ${keyText(keys)}, ${rowBytes(row)}, lower(hex(b.hash)), b.${names[0]} IS NULL
     FROM ${staged} s JOIN ${parent} p ON ${on} LEFT JOIN ${base} b ON ${link('s', 'b')} WHERE ${same} AND ${isShort(keys)}`,
  ) as Iterable<[string, ArrayBuffer | null, string, number]>
  const inserts = new Inserts(run, `INSERT OR REPLACE INTO ${base}`)
  for (const [at, bytes, known, isNew] of common) {
    const hash = hashRow(bytes)
    if (hash === undefined || hash === known || (isNew && count >= MAX_ROWS)) continue
    count += isNew
    inserts.add(`${at}, x'${hash}'`)
  }
  inserts.end()
}
