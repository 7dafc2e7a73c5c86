import type { MergeReport } from '@persql/contract'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import {
  deletedOnOneSide,
  type RowConflict,
  type RowDeletion,
  readConflictingRows,
  readDeletedRows,
  refusedRow,
} from './conflicts.ts'
import { insertAll, moveAside, REPLACED } from './insert-rows.ts'
import type { TableMatch } from './match-tables.ts'
import { DECISIONS_TABLE, decideRows, type RowDecision } from './row-decisions.ts'

/** The side whose row wins if both changed it. */
export type ConflictWinner = 'abort' | 'branch' | 'parent'
/** Reads rows one at a time, because all of them might not fit into memory. */
export type RowCursor = (sql: string) => Iterable<unknown>
export type TableReport = MergeReport['data']['tables'][number]

/** The context of merging rows, with its callbacks. */
export interface RowMergeContext {
  readonly run: RunSql
  /** Runs SQL on system tables, which isn't billed. */
  readonly free: RunSql
  readonly scan: RowCursor
  readonly side: ConflictWinner
  /** Adds a part of the plan to its hash. */
  readonly note: (part: unknown) => void
  readonly report: (found: RowConflict, isSettled: boolean) => void
  readonly reportDeletion: (deletion: RowDeletion) => void
  /** Throws after the time limit. */
  readonly checkTime: () => void
}

/**
 * Merges the rows of one table, in a three-way merge if a merge base exists.
 * @param base the table of the merge base, if any
 */
export function mergeTable(merge: RowMergeContext, match: TableMatch, base: string | undefined): TableReport {
  const { run, free, scan, side, note, report } = merge
  const { table, parent, staged, columns, on, same, key, link } = match
  decideRows(free, scan, match, base, note)
  const judged = (...verdicts: readonly RowDecision[]) => `v.verdict IN (${verdicts.map((each) => `'${each}'`)})`
  const count = (...verdicts: readonly RowDecision[]) =>
    readCount(free, `SELECT count(*) FROM ${DECISIONS_TABLE} v WHERE ${judged(...verdicts)}`)
  const has = (of: string, ...verdicts: readonly RowDecision[]) =>
    `EXISTS (SELECT 1 FROM ${DECISIONS_TABLE} v WHERE ${link(of, 'v')} AND ${judged(...verdicts)})`
  const both = `FROM ${staged} s JOIN ${parent} p ON ${on}`
  const nameless = `(${key.map((column) => `s.${column} IS NULL`).join(' OR ')})`
  const withNull = readCount(run, `SELECT count(*) FROM ${staged} s WHERE ${nameless}`)
  if (withNull > 0) {
    report(
      refusedRow(run, match, nameless, 'null_key', "The primary key is NULL, so the row can't be identified."),
      side === 'parent',
    )
  }
  const unchanged = count('keep') + readCount(run, `SELECT count(*) ${both} WHERE ${same}`)

  const atOdds = `${both} WHERE NOT ${same} AND NOT ${has('s', 'take', 'keep')}`
  const differ = readCount(run, `SELECT count(*) ${atOdds}`)
  if (differ > 0) for (const found of readConflictingRows(run, match, atOdds)) report(found, side !== 'abort')
  const inParent = count('deleted_in_parent')
  if (inParent > 0) {
    const from = `FROM ${DECISIONS_TABLE} v JOIN ${staged} s ON ${link('s', 'v')} WHERE ${judged('deleted_in_parent')}`
    for (const found of deletedOnOneSide(run, match, 'deleted_in_parent', from)) report(found, side !== 'abort')
  }
  const inBranch = count('deleted_in_branch')
  if (inBranch > 0) {
    const from = `FROM ${DECISIONS_TABLE} v JOIN ${parent} p ON ${link('p', 'v')} WHERE ${judged('deleted_in_branch')}`
    for (const found of deletedOnOneSide(run, match, 'deleted_in_branch', from)) report(found, side !== 'abort')
  }

  const takes = side === 'branch' ? '' : ` AND ${has('s', 'take')}`
  const replaced = `${both} WHERE NOT ${same} AND NOT ${has('s', 'keep')}${takes}`
  const updated = readCount(run, `SELECT count(*) ${replaced}`)
  for (const row of scan(`SELECT ${columns.map((column) => `p.${column}`)} ${both} WHERE NOT ${same}`)) note(row)
  const goes: readonly RowDecision[] = side === 'branch' ? ['delete', 'deleted_in_branch'] : ['delete']
  const deleted = count(...goes)
  if (deleted > 0) {
    const from = `FROM ${DECISIONS_TABLE} v JOIN ${parent} p ON ${link('p', 'v')} WHERE ${judged(...goes)}`
    for (const found of readDeletedRows(run, match, from)) merge.reportDeletion(found)
    run(`DELETE FROM ${parent} WHERE (${key}) IN (SELECT ${key.map((column) => `p.${column}`)} ${from})`)
  }
  if (updated > 0) moveAside(run, free, match, replaced)
  const stays: readonly RowDecision[] = ['keep', ...(side === 'branch' ? [] : (['deleted_in_parent'] as const))]
  const isNew = `NOT ${nameless} AND NOT EXISTS (SELECT 1 FROM ${parent} p WHERE ${on}) AND NOT ${has('s', ...stays)}`
  const wanted = readCount(run, `SELECT count(*) FROM ${staged} s WHERE ${isNew}`)
  const reportRefused = (found: RowConflict) => report(found, side === 'parent')
  const refused = insertAll(run, match, isNew, wanted, updated, reportRefused, merge.checkTime)
  if (updated > 0) free(`DROP TABLE ${REPLACED}`)
  free(`DROP TABLE ${DECISIONS_TABLE}`)
  return {
    table,
    inserted: wanted - updated - refused.added,
    updated: updated - refused.replaced,
    deleted,
    unchanged,
    conflicts: differ + inParent + inBranch + refused.added + refused.replaced + withNull,
    known: base === undefined ? 0 : readCount(free, `SELECT count(*) FROM ${base}`),
  }
}

/** Returns the single number of a query's result. */
export const readCount = (run: RunSql, sql: string): number => run(sql)[0]?.[0] as number
