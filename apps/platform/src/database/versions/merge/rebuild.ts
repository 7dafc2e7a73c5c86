import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { SchemaObject } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { getFullTextContent } from '../../../sqlite/table-shape.ts'
import { type MergeTableInfo, nameIn, readMergeTableInfo } from './merge-table-info.ts'
import type { MergeStepRunner } from './steps.ts'
import { IncompatibleChange } from './steps.ts'
import { withName } from './table-text.ts'

/** The prefix of new tables that replace others in the transaction of a merge. */
const NEW_TABLE = '_persql_new_'

/** The source of a table's rows: their current table, and the name of each column there. */
export interface RowOrigin {
  readonly table: string
  readonly column: (now: string) => string
}

/**
 * Recreates a table with the rows of its previous version. Triggers, views and foreign keys must be off.
 * @throws IncompatibleChange if the rows violate the new definition
 */
export function rebuild(steps: MergeStepRunner, table: SchemaObject, origin: RowOrigin): void {
  const { run } = steps
  const { name, sql } = table
  const change =
    lower(origin.table) === lower(name)
      ? ({ type: 'table', name, change: 'changed' } as const)
      : ({ type: 'table', name, change: 'renamed', from: origin.table } as const)
  const why = change.change === 'renamed' ? `Renames "${origin.table}" to "${name}".` : `Changes table "${name}".`
  const holdsNoRows = getFullTextContent(sql) !== undefined
  if (holdsNoRows) {
    const losesData = getFullTextContent(sql) === '' && steps.hasRows(origin.table)
    steps.do(`DROP TABLE ${quoteName(origin.table)}`, why, change, { losesData, record: false })
    steps.do(sql, why, change)
    return
  }
  const staged = NEW_TABLE + name
  const counted = getSequence(run, origin.table)
  steps.do(withName(sql, staged), why, change, { record: false })
  const [from, to] = [readMergeTableInfo(run, origin.table), readMergeTableInfo(run, staged)]
  if (!from || !to) throw new IncompatibleChange(change, `${why} Table "${origin.table}" doesn't exist.`)
  const pairs = pairColumns(from, to, origin)
  const keepsRowid = from.rowid && to.rowid && (from.isVirtual || !(from.keyIsRowid || to.keyIsRowid))
  const [into, source] = [pairs.map(({ to }) => quoteName(to)), pairs.map(({ from }) => quoteName(from))]
  if (keepsRowid && to.rowid && from.rowid) {
    into.unshift(to.rowid)
    source.unshift(from.rowid)
  }
  const rows = `SELECT ${source} FROM ${quoteName(origin.table)}`
  if (into.length > 0) {
    // OR ABORT overrides the ON CONFLICT clause of the new table: no row is dropped silently.
    steps.do(`INSERT OR ABORT INTO ${quoteName(staged)} (${into}) ${rows}`, why, change, { record: false })
  }
  const lost = lostBy(steps, from, to, pairs, origin.table, staged)
  steps.do(`DROP TABLE ${quoteName(origin.table)}`, lost ?? why, change, {
    losesData: lost !== undefined,
    record: false,
  })
  steps.do(`ALTER TABLE ${quoteName(staged)} RENAME TO ${quoteName(name)}`, why, change)
  if (counted !== undefined && getSequence(run, name, true) !== undefined) {
    run('DELETE FROM sqlite_sequence WHERE name = ?', name)
    run(`INSERT INTO sqlite_sequence (name, seq) VALUES (?, ${counted})`, name)
  }
}

interface Pair {
  readonly from: string
  readonly to: string
}

function pairColumns(from: MergeTableInfo, to: MergeTableInfo, origin: RowOrigin): Pair[] {
  const known = new Map(from.columns.map((name) => [lower(name), name]))
  return to.columns.flatMap((name) => {
    const was = known.get(lower(origin.column(name)))
    return was === undefined ? [] : [{ from: was, to: name }]
  })
}

/** Describes the values that the new table loses: columns with values, or converted values. */
function lostBy(
  steps: MergeStepRunner,
  from: MergeTableInfo,
  to: MergeTableInfo,
  pairs: readonly Pair[],
  old: string,
  staged: string,
) {
  const { run, assumesRows } = steps
  const left = new Set(pairs.map((pair) => pair.from))
  const table = quoteName(old)
  const gone = from.columns.filter((name) => !left.has(name))
  const full = gone.filter(
    (name) => assumesRows || run(`SELECT 1 FROM ${table} WHERE ${quoteName(name)} IS NOT NULL LIMIT 1`).length > 0,
  )
  if (full.length > 0) return `Values of ${full.map((name) => `"${old}"."${name}"`).join(', ')} would be lost.`
  const converted = pairs.filter((pair) => from.types.get(lower(pair.from)) !== to.types.get(lower(pair.to)))
  if (converted.length === 0 || !steps.hasRows(old)) return undefined
  const changed = converted.filter((pair) => assumesRows || becomesOther(run, from, to, pair, table, quoteName(staged)))
  if (changed.length === 0) return undefined
  return `Values of ${changed.map((pair) => `"${old}"."${pair.from}"`).join(', ')} would change.`
}

/** Returns whether values differ in the new table; `true` if rows can't be matched by their rowid. */
function becomesOther(
  run: RunSql,
  from: MergeTableInfo,
  to: MergeTableInfo,
  pair: Pair,
  old: string,
  staged: string,
): boolean {
  if (!from.rowid || !to.rowid || from.keyIsRowid !== to.keyIsRowid) return true
  const [a, b] = [`o.${quoteName(pair.from)}`, `n.${quoteName(pair.to)}`]
  const differs = `CAST(${a} AS TEXT) COLLATE BINARY IS NOT CAST(${b} AS TEXT)`
  const sql = `SELECT 1 FROM ${old} o LEFT JOIN ${staged} n ON n.${nameIn(to, to.rowid)} = o.${nameIn(from, from.rowid)} WHERE ${differs} LIMIT 1`
  return run(sql).length > 0
}

/** Returns the AUTOINCREMENT counter as SQL; with `may`, 0 for a table whose counter hasn't started. */
function getSequence(run: RunSql, table: string, may = false): string | undefined {
  const counts = /\bautoincrement\b/i.test(
    String(run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", table)[0]?.[0]),
  )
  if (!counts) return undefined
  const [row] = run('SELECT quote(max(seq)) FROM sqlite_sequence WHERE name = ? COLLATE NOCASE', table)
  return row?.[0] === 'NULL' ? (may ? '0' : undefined) : (row?.[0] as string)
}
