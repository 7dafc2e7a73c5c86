import type { MergeReport } from '@persql/contract'
import type { Run } from '../../../sqlite/schema-map.ts'
import { deletedOnOneSide, differing, going, type RowConflict, type RowDeletion, refusedRow } from './conflicts.ts'
import { insertAll, REPLACED, setAside } from './insert-rows.ts'
import type { Match } from './match-tables.ts'
import { judgeRows, VERDICTS, type Verdict } from './row-decisions.ts'

/** Whose row stays where both sides have changed it. */
export type Side = 'abort' | 'branch' | 'parent'
/** Reads rows one after the other: there may be more than fit into memory. */
export type Scan = (sql: string) => Iterable<unknown>
export type TableReport = MergeReport['data']['tables'][number]

/** What merging the rows of tables needs, and tells. */
export interface RowsMerge {
  readonly run: Run
  /** For what is not charged: tables of ours. */
  readonly free: Run
  readonly scan: Scan
  readonly side: Side
  /** Is told what is in store, for the plan's hash. */
  readonly note: (part: unknown) => void
  readonly tell: (found: RowConflict, isSettled: boolean) => void
  readonly tellDeletion: (deletion: RowDeletion) => void
  /** Throws once there is no time left. */
  readonly checkTime: () => void
}

/**
 * Brings the rows of one table together, three ways where it is known what both sides had.
 * @param base the table of what is known, if there is one
 */
export function mergeTable(merge: RowsMerge, match: Match, base: string | undefined): TableReport {
  const { run, free, scan, side, note, tell } = merge
  const { table, parent, staged, columns, on, same, key, link } = match
  judgeRows(free, scan, match, base, note)
  const judged = (...verdicts: readonly Verdict[]) => `v.verdict IN (${verdicts.map((each) => `'${each}'`)})`
  const count = (...verdicts: readonly Verdict[]) =>
    countOf(free, `SELECT count(*) FROM ${VERDICTS} v WHERE ${judged(...verdicts)}`)
  const has = (of: string, ...verdicts: readonly Verdict[]) =>
    `EXISTS (SELECT 1 FROM ${VERDICTS} v WHERE ${link(of, 'v')} AND ${judged(...verdicts)})`
  const both = `FROM ${staged} s JOIN ${parent} p ON ${on}`
  const nameless = `(${key.map((column) => `s.${column} IS NULL`).join(' OR ')})`
  const withNull = countOf(run, `SELECT count(*) FROM ${staged} s WHERE ${nameless}`)
  if (withNull > 0) {
    tell(
      refusedRow(run, match, nameless, 'null_key', "The primary key is NULL, so the row can't be identified."),
      side === 'parent',
    )
  }
  const unchanged = count('keep') + countOf(run, `SELECT count(*) ${both} WHERE ${same}`)

  const atOdds = `${both} WHERE NOT ${same} AND NOT ${has('s', 'take', 'keep')}`
  const differ = countOf(run, `SELECT count(*) ${atOdds}`)
  if (differ > 0) for (const found of differing(run, match, atOdds)) tell(found, side !== 'abort')
  const inParent = count('deleted_in_parent')
  if (inParent > 0) {
    const from = `FROM ${VERDICTS} v JOIN ${staged} s ON ${link('s', 'v')} WHERE ${judged('deleted_in_parent')}`
    for (const found of deletedOnOneSide(run, match, 'deleted_in_parent', from)) tell(found, side !== 'abort')
  }
  const inBranch = count('deleted_in_branch')
  if (inBranch > 0) {
    const from = `FROM ${VERDICTS} v JOIN ${parent} p ON ${link('p', 'v')} WHERE ${judged('deleted_in_branch')}`
    for (const found of deletedOnOneSide(run, match, 'deleted_in_branch', from)) tell(found, side !== 'abort')
  }

  const takes = side === 'branch' ? '' : ` AND ${has('s', 'take')}`
  const replaced = `${both} WHERE NOT ${same} AND NOT ${has('s', 'keep')}${takes}`
  const updated = countOf(run, `SELECT count(*) ${replaced}`)
  for (const row of scan(`SELECT ${columns.map((column) => `p.${column}`)} ${both} WHERE NOT ${same}`)) note(row)
  const goes: readonly Verdict[] = side === 'branch' ? ['delete', 'deleted_in_branch'] : ['delete']
  const deleted = count(...goes)
  if (deleted > 0) {
    const from = `FROM ${VERDICTS} v JOIN ${parent} p ON ${link('p', 'v')} WHERE ${judged(...goes)}`
    for (const found of going(run, match, from)) merge.tellDeletion(found)
    run(`DELETE FROM ${parent} WHERE (${key}) IN (SELECT ${key.map((column) => `p.${column}`)} ${from})`)
  }
  if (updated > 0) setAside(run, free, match, replaced)
  const stays: readonly Verdict[] = ['keep', ...(side === 'branch' ? [] : (['deleted_in_parent'] as const))]
  const isNew = `NOT ${nameless} AND NOT EXISTS (SELECT 1 FROM ${parent} p WHERE ${on}) AND NOT ${has('s', ...stays)}`
  const wanted = countOf(run, `SELECT count(*) FROM ${staged} s WHERE ${isNew}`)
  const tellRefused = (found: RowConflict) => tell(found, side === 'parent')
  const refused = insertAll(run, match, isNew, wanted, updated, tellRefused, merge.checkTime)
  if (updated > 0) free(`DROP TABLE ${REPLACED}`)
  free(`DROP TABLE ${VERDICTS}`)
  return {
    table,
    inserted: wanted - updated - refused.added,
    updated: updated - refused.replaced,
    deleted,
    unchanged,
    conflicts: differ + inParent + inBranch + refused.added + refused.replaced + withNull,
    known: base === undefined ? 0 : countOf(free, `SELECT count(*) FROM ${base}`),
  }
}

/** The one number that a query answers. */
export const countOf = (run: Run, sql: string): number => run(sql)[0]?.[0] as number
