import type { MergeReport } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { TableMatch } from './match-tables.ts'

export type RowConflict = MergeReport['data']['conflicts'][number]

export type RowDeletion = MergeReport['data']['deletions'][number]

/** The number of conflicts and of deletions in a report. */
export const MAX_CONFLICTS = 100
const MAX_VALUE = 200

/** Returns the conflicting rows, each with its values on both sides. */
export function readConflictingRows(run: RunSql, match: TableMatch, from: string): RowConflict[] {
  const order = `ORDER BY ${match.key.map((key) => `p.${key}`)} LIMIT ${MAX_CONFLICTS}`
  const [theirs, ours] = [readRows(run, match, 's', `${from} ${order}`), readRows(run, match, 'p', `${from} ${order}`)]
  const message = 'The branch and its parent have different rows with this key.'
  return theirs.map((branch, i) => ({
    table: match.table,
    reason: 'differs',
    message,
    key: only(branch, match),
    branch: match.columns.length === 0 ? null : branch,
    parent: ours[i] ?? null,
  }))
}

const DELETED = {
  deleted_in_branch: 'Deleted in the branch, changed in the parent since the last merge.',
  deleted_in_parent: 'Deleted in the parent, changed in the branch since the last merge.',
}

/** Returns the rows that one side deleted and the other changed. */
export function deletedOnOneSide(
  run: RunSql,
  match: TableMatch,
  reason: keyof typeof DELETED,
  from: string,
): RowConflict[] {
  const isParents = reason === 'deleted_in_branch'
  return rowsIn(run, match, isParents ? 'p' : 's', from).map((row) => ({
    table: match.table,
    reason,
    message: DELETED[reason],
    key: only(row, match),
    branch: isParents ? null : row,
    parent: isParents ? row : null,
  }))
}

/** Returns the first rows of the parent that the merge deletes. */
export const readDeletedRows = (run: RunSql, match: TableMatch, from: string): RowDeletion[] =>
  rowsIn(run, match, 'p', from).map((parent) => ({ table: match.table, key: only(parent, match), parent }))

const rowsIn = (run: RunSql, match: TableMatch, side: 's' | 'p', from: string) =>
  readRows(run, match, side, `${from} ORDER BY ${match.key.map((key) => `${side}.${key}`)} LIMIT ${MAX_CONFLICTS}`)

/** Returns the conflict of a row of the branch that the parent rejects. */
export function refusedRow(
  run: RunSql,
  match: TableMatch,
  where: string,
  reason: 'constraint' | 'null_key',
  message: string,
) {
  const [branch = null] = readRows(run, match, 's', `FROM ${match.staged} s WHERE ${where} LIMIT 1`)
  return { table: match.table, reason, message, key: branch && only(branch, match), branch, parent: null }
}

/** Returns a conflict that isn't about a single row. */
export const tableConflict = (
  table: string,
  reason: 'no_primary_key' | 'schema_differs' | 'foreign_key' | 'null_key' | 'constraint',
  message: string,
): RowConflict => ({ table, reason, message, key: null, branch: null, parent: null })

const only = (row: Record<string, unknown>, { shape }: TableMatch) =>
  Object.fromEntries(
    Object.entries(row).filter(([name]) => shape.key.some((key) => lower(key) === lower(name))),
  ) as NonNullable<RowConflict['key']>

function readRows(run: RunSql, { columns, shape }: TableMatch, side: string, from: string) {
  const names = columns.length > shape.columns.length ? [...shape.key, ...shape.columns] : shape.columns
  const shown = columns.map((column) => {
    const value = `${side}.${column}`
    return `CASE typeof(${value}) WHEN 'integer' THEN CASE WHEN ${value} BETWEEN -9007199254740991 AND 9007199254740991 THEN ${value} ELSE CAST(${value} AS TEXT) END
      WHEN 'real' THEN ${value} WHEN 'null' THEN NULL ELSE substr(${value}, 1, ${MAX_VALUE}) END`
  })
  return run(`SELECT ${shown} ${from}`).map(
    (row) => Object.fromEntries(row.map((value, i) => [names[i] as string, wire(value)])) as Row,
  )
}
type Row = NonNullable<RowConflict['branch']>

const wire = (value: unknown) =>
  value instanceof ArrayBuffer ? { base64: new Uint8Array(value).toBase64() } : (value as string | number | null)
