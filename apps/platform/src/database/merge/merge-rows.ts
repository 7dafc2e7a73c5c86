import type { MergeReport } from '@persql/contract'
import { rebuilds } from '../copy/rows.ts'
import { readSchemaText } from '../copy/schema.ts'
import type { Run } from '../guard/schema-map.ts'
import { lower, quoteName } from '../guard/statement.ts'
import { added, orphans } from './checks.ts'
import { differing, MAX_CONFLICTS, type RowConflict, refusedRow, tableConflict } from './conflicts.ts'
import { type Match, matchOf } from './match.ts'
import { STAGED } from './shape.ts'
import { sentence } from './steps.ts'

type Side = 'abort' | 'branch' | 'parent'
/** Reads rows one after the other: there may be more than fit into memory. */
export type Scan = (sql: string) => Iterable<unknown>
type TableReport = MergeReport['data']['tables'][number]

/** What bringing rows together came to. */
export interface RowsMerged {
  readonly tables: TableReport[]
  /** The first ones. */
  readonly conflicts: readonly RowConflict[]
  /** Whether there are any that the chosen side does not settle. */
  readonly isUnsettled: boolean
}

/**
 * Brings the staged rows of a branch into the tables of the same names. To be called in a transaction, with foreign keys
 * not enforced; what is unsettled is to be rolled back. No trigger runs: what triggers did for these rows, they did in
 * the branch, and it is among what is merged.
 * @param note is told what is in store, for the plan's hash
 */
export function mergeRows(run: Run, scan: Scan, side: Side, note: (part: unknown) => void): RowsMerged {
  const conflicts: RowConflict[] = []
  const tables: TableReport[] = []
  let isUnsettled = false
  const tell = (found: RowConflict, isSettled: boolean) => {
    if (conflicts.length < MAX_CONFLICTS) conflicts.push(found)
    if (!isSettled) isUnsettled = true
  }
  const orphaned = orphans(run)
  const triggers = readSchemaText(run).others.filter(({ type }) => type === 'trigger')
  for (const { name } of triggers) run(`DROP TRIGGER ${quoteName(name)}`)
  for (const table of stagedTables(run)) {
    const total = countOf(run, `SELECT count(*) FROM ${quoteName(STAGED + table)}`)
    if (total === 0) continue
    const match = matchOf(run, table)
    if (typeof match === 'string') {
      tell(tableConflict(table, 'schema_differs', match), false)
      tables.push({ table, inserted: 0, updated: 0, unchanged: 0, conflicts: total })
    } else
      tables.push(
        match.key.length === 0 ? withoutKey(run, match, total, side, tell) : merged(run, scan, match, side, tell, note),
      )
  }
  if (tables.some(({ inserted, updated }) => inserted + updated > 0)) {
    for (const text of rebuilds(readSchemaText(run))) {
      try {
        run(text)
      } catch {
        // What it indexes is not there, and was not before either.
      }
    }
  }
  for (const { sql } of triggers) run(sql)
  const missing = Map.groupBy(added(orphaned, orphans(run)), ([, table]) => table)
  for (const [table, rows] of missing) {
    tell(tableConflict(table, 'foreign_key', `${rows.length} rows would refer to rows that are missing.`), false)
  }
  note([tables, conflicts])
  return { tables, conflicts, isUnsettled }
}

/** Drops the staged tables. */
export function unstage(run: Run): void {
  for (const table of stagedTables(run)) run(`DROP TABLE ${quoteName(STAGED + table)}`)
}

const stagedTables = (run: Run): string[] =>
  run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .map(([name]) => name as string)
    .filter((name) => lower(name).startsWith(STAGED))
    .map((name) => name.slice(STAGED.length))

type Tell = (found: RowConflict, isSettled: boolean) => void

/** Rows that nothing names can only be found to be the same, all of them. */
function withoutKey(run: Run, match: Match, total: number, side: Side, tell: Tell): TableReport {
  const { table, staged, parent, columns } = match
  const rows = (of: string) =>
    `SELECT ${columns.map((column) => `typeof(${column}), ${column} COLLATE BINARY`)}, count(*) FROM ${of} GROUP BY ${columns.map((_, i) => `${2 * i + 1}, ${2 * i + 2}`)}`
  const isSame =
    columns.length <= 49 &&
    countOf(run, `SELECT count(*) FROM ${parent}`) === total &&
    countOf(run, `SELECT count(*) FROM (${rows(staged)} EXCEPT ${rows(parent)})`) === 0
  if (isSame) return { table, inserted: 0, updated: 0, unchanged: total, conflicts: 0 }
  const message = 'It has no primary key, so nothing tells which rows are the same. The parent keeps its own.'
  tell(tableConflict(table, 'no_primary_key', message), side === 'parent')
  return { table, inserted: 0, updated: 0, unchanged: 0, conflicts: total }
}

function merged(
  run: Run,
  scan: Scan,
  match: Match,
  side: Side,
  tell: Tell,
  note: (part: unknown) => void,
): TableReport {
  const { table, parent, staged, on, same, key } = match
  const both = `FROM ${staged} s JOIN ${parent} p ON ${on}`
  const nameless = `(${key.map((column) => `s.${column} IS NULL`).join(' OR ')})`
  const withNull = countOf(run, `SELECT count(*) FROM ${staged} s WHERE ${nameless}`)
  if (withNull > 0) {
    tell(refusedRow(run, match, nameless, 'null_key', 'A primary key with NULL names no row.'), side === 'parent')
  }
  const unchanged = countOf(run, `SELECT count(*) ${both} WHERE ${same}`)
  const differ = countOf(run, `SELECT count(*) ${both} WHERE NOT ${same}`)
  if (differ > 0) {
    for (const conflict of differing(run, match, MAX_CONFLICTS)) tell(conflict, side !== 'abort')
    for (const row of scan(`SELECT ${match.columns.map((column) => `p.${column}`)} ${both} WHERE NOT ${same}`))
      note(row)
  }
  if (differ > 0 && side === 'branch') {
    const keys = key.map((column) => `p.${column}`)
    run(`DELETE FROM ${parent} WHERE (${key}) IN (SELECT ${keys} ${both} WHERE NOT ${same})`)
  }
  const isNew = `NOT ${nameless} AND NOT EXISTS (SELECT 1 FROM ${parent} p WHERE ${on})`
  const wanted = countOf(run, `SELECT count(*) FROM ${staged} s WHERE ${isNew}`)
  const insert = `INSERT INTO ${parent} (${match.columns}) SELECT ${match.columns.map((column) => `s.${column}`)} FROM ${staged} s`
  const refused = insertAll(run, match, `${insert} WHERE`, isNew, wanted, (conflict) =>
    tell(conflict, side === 'parent'),
  )
  const updated = side === 'branch' ? differ : 0
  return { table, inserted: wanted - refused - updated, updated, unchanged, conflicts: differ + refused + withNull }
}

/** Inserts all at once, or, where one does not fit, one by one. Returns how many did not. */
function insertAll(
  run: Run,
  match: Match,
  insert: string,
  where: string,
  wanted: number,
  tell: (found: RowConflict) => void,
): number {
  if (wanted === 0) return 0
  try {
    run(`${insert} ${where}`)
    return 0
  } catch (cause) {
    const { stagedRowid, table } = match
    if (!stagedRowid) {
      tell(tableConflict(table, 'constraint', sentence(cause)))
      return wanted
    }
    let refused = 0
    for (const [at] of run(`SELECT s.${stagedRowid} FROM ${match.staged} s WHERE ${where}`)) {
      const one = `s.${stagedRowid} = ${at}`
      try {
        run(`${insert} ${one}`)
      } catch (why) {
        refused++
        tell(refusedRow(run, match, one, 'constraint', sentence(why)))
      }
    }
    return refused
  }
}

const countOf = (run: Run, sql: string): number => run(sql)[0]?.[0] as number
