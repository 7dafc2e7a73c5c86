import { formatCount } from '@persql/endpoint-spec'
import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { readSchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { rebuildAll } from '../copy/load-copy.ts'
import { added, orphans } from './checks.ts'
import { MAX_CONFLICTS, type RowConflict, type RowDeletion, tableConflict } from './conflicts.ts'
import { matchTable, type TableMatch } from './match-tables.ts'
import type { MergeBases } from './merge-base-rows.ts'
import {
  type ConflictWinner,
  mergeTable,
  type RowCursor,
  type RowMergeContext,
  readCount,
  type TableReport,
} from './merge-table.ts'
import { hasRows, STAGED } from './merge-table-info.ts'
import { saveMergeBase } from './save-merge-base.ts'

/** The result of merging rows. */
export interface RowMergeResult {
  readonly tables: TableReport[]
  /** The first conflicts and deletions. */
  readonly conflicts: readonly RowConflict[]
  readonly deletions: readonly RowDeletion[]
  /** Whether there are conflicts that `onConflict` doesn't resolve. */
  readonly isUnsettled: boolean
  /** The tables whose rows were matched by key, for their merge bases. */
  readonly matches: readonly TableMatch[]
}

/** The result without any rows. */
export const NO_ROWS: RowMergeResult = { tables: [], conflicts: [], deletions: [], isUnsettled: false, matches: [] }

/** Returns the number of changed rows of a table. */
export const written = ({ inserted, updated, deleted }: TableReport): number => inserted + updated + deleted

/**
 * Merges the staged rows of a branch into the tables of the same names. Call it in a transaction with foreign keys off,
 * and roll back unresolved conflicts. Triggers don't run: their effects in the branch are already among its rows.
 */
export function mergeRows(
  merge: Omit<RowMergeContext, 'report' | 'reportDeletion'>,
  bases: Pick<MergeBases, 'of'>,
  isSkipped: (table: string) => boolean,
): RowMergeResult {
  const { run, side, note } = merge
  const settled: RowConflict[] = []
  const unsettled: RowConflict[] = []
  const deletions: RowDeletion[] = []
  const tables: TableReport[] = []
  const matches: TableMatch[] = []
  const reportConflict = (found: RowConflict, isSettled: boolean) => {
    const alike = isSettled ? settled : unsettled
    if (alike.length < MAX_CONFLICTS) alike.push(found)
  }
  const reportDeletion = (found: RowDeletion) => {
    if (deletions.length < MAX_CONFLICTS) deletions.push(found)
  }
  const orphaned = orphans(run)
  const triggers = readSchemaText(run).others.filter(({ type }) => type === 'trigger')
  for (const { name } of triggers) run(`DROP TRIGGER ${quoteName(name)}`)
  for (const table of stagedTables(run)) {
    if (isSkipped(table)) continue
    const total = readCount(run, `SELECT count(*) FROM ${quoteName(STAGED + table)}`)
    const base = bases.of(table)
    if (total === 0 && base === undefined) continue
    const match = matchTable(run, table)
    if (typeof match === 'string') {
      reportConflict(tableConflict(table, 'schema_differs', match), false)
      tables.push({ ...NO_CHANGE, table, conflicts: total })
    } else if (match.key.length === 0) tables.push(withoutKey(run, match, total, side, reportConflict))
    else {
      const report = mergeTable({ ...merge, report: reportConflict, reportDeletion }, match, base)
      matches.push(match)
      if (total > 0 || report.known > 0) tables.push(report)
    }
  }
  if (tables.some((table) => written(table) > 0)) rebuildAll(run, readSchemaText(run))
  for (const { sql } of triggers) run(sql)
  const missing = Map.groupBy(added(orphaned, orphans(run)), ([, table]) => table)
  for (const [table, rows] of missing) {
    reportConflict(
      tableConflict(table, 'foreign_key', `${formatCount(rows.length, 'row')} would have missing references.`),
      false,
    )
  }
  // Conflicts that block the merge come first, because there can be many others.
  const conflicts = [...unsettled, ...settled].slice(0, MAX_CONFLICTS)
  note([tables, conflicts])
  return { tables, conflicts, deletions, isUnsettled: unsettled.length > 0, matches }
}

/** Saves the rows that both sides now share, for the next merge. Call it before `unstage`. */
export function rememberRows(run: RunSql, scan: RowCursor, { matches }: RowMergeResult, bases: MergeBases): void {
  bases.dropVoid()
  for (const match of matches) {
    const base = bases.open(match.table, match.keyColumns)
    if (base !== undefined) saveMergeBase(run, scan, match, base)
  }
}

/** Returns the tables of the branch with rows that don't match the parent's schema. */
export const needsSchema = (run: RunSql, isSkipped: (table: string) => boolean): string[] =>
  stagedTables(run).filter(
    (table) => !isSkipped(table) && hasRows(run, STAGED + table) && typeof matchTable(run, table) === 'string',
  )

/** Drops the staged tables. */
export function unstage(run: RunSql): void {
  for (const table of stagedTables(run)) run(`DROP TABLE ${quoteName(STAGED + table)}`)
}

const stagedTables = (run: RunSql): string[] =>
  run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .map(([name]) => name as string)
    .filter((name) => lower(name).startsWith(STAGED))
    .map((name) => name.slice(STAGED.length))

const NO_CHANGE = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, conflicts: 0, known: 0 }

type ReportConflict = (found: RowConflict, isSettled: boolean) => void

/** Compares the rows of a table without a primary key, which can only be equal as a whole. */
function withoutKey(
  run: RunSql,
  match: TableMatch,
  total: number,
  side: ConflictWinner,
  reportConflict: ReportConflict,
): TableReport {
  const { table, staged, parent, columns } = match
  const rows = (of: string) =>
    `SELECT ${columns.map((column) => `typeof(${column}), ${column} COLLATE BINARY`)}, count(*) FROM ${of} GROUP BY ${columns.map((_, i) => `${2 * i + 1}, ${2 * i + 2}`)}`
  const isSame =
    columns.length <= 49 &&
    readCount(run, `SELECT count(*) FROM ${parent}`) === total &&
    readCount(run, `SELECT count(*) FROM (${rows(staged)} EXCEPT ${rows(parent)})`) === 0
  if (isSame) return { ...NO_CHANGE, table, unchanged: total }
  const message = "The table has no primary key, so rows can't be matched. The parent keeps its rows."
  reportConflict(tableConflict(table, 'no_primary_key', message), side === 'parent')
  return { ...NO_CHANGE, table, conflicts: total }
}
