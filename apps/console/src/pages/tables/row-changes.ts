import { quoteName, type Value } from '../results/values.ts'
import type { RowIdentity } from './row-identity.ts'
import { isRow, type Row } from './row-queries.ts'
import { joined, type Piece, toStatement } from './sql-builder.ts'

/** Values by column name. */
export type Values = Readonly<Record<string, Value>>

/** A pending change to a row. */
export type Change =
  | { readonly kind: 'edit'; readonly id: string; readonly row: Row; readonly before: Values; readonly after: Values }
  | { readonly kind: 'delete'; readonly id: string; readonly row: Row }
  | { readonly kind: 'insert'; readonly id: string; readonly after: Values }

/** All pending changes, at most one per row. */
export type RowChanges = readonly Change[]

/** The maximum number of statements in a transaction. */
export const MAX_CHANGES = 100

const others = (draft: RowChanges, id: string) => draft.filter((change) => change.id !== id)
const find = (draft: RowChanges, id: string) => draft.find((change) => change.id === id)

/** Sets a cell. A cell with its original value doesn't count as changed. */
export function setCell(
  draft: RowChanges,
  row: Row,
  column: string,
  before: Value | undefined,
  after: Value,
): RowChanges {
  const known = find(draft, row.id)
  const earlier = known?.kind === 'edit' ? known : { before: {}, after: {} }
  const was = { ...(before !== undefined && { [column]: before }), ...earlier.before }
  const next = Object.fromEntries(
    Object.entries({ ...earlier.after, [column]: after }).filter(([name, value]) => {
      return !(name in was) || JSON.stringify(was[name]) !== JSON.stringify(value)
    }),
  )
  if (Object.keys(next).length === 0) return others(draft, row.id)
  return replaced(draft, { kind: 'edit', id: row.id, row, before: was, after: next })
}

/** Marks a row for deletion, or removes the mark. */
export function withDelete(draft: RowChanges, row: Row): RowChanges {
  if (find(draft, row.id)?.kind === 'delete') return others(draft, row.id)
  return replaced(draft, { kind: 'delete', id: row.id, row })
}

/** Adds a row. Omitted columns get their defaults. */
export const withInsert = (draft: RowChanges, after: Values): RowChanges => [
  ...draft,
  { kind: 'insert', id: `new ${crypto.randomUUID()}`, after },
]

/** Removes a change. */
export const without = (draft: RowChanges, id: string): RowChanges => others(draft, id)

function replaced(draft: RowChanges, change: Change): RowChanges {
  return find(draft, change.id) ? draft.map((known) => (known.id === change.id ? change : known)) : [...draft, change]
}

/** Builds the statement of a change. It only matches the row as it was read: by its key and previous values. */
export function buildChange(shape: RowIdentity, change: Change): Piece[] {
  const table = quoteName(shape.name)
  if (change.kind === 'delete') return [`DELETE FROM ${table} WHERE `, ...isRow(shape, change.row), ' RETURNING 1']
  const entries = Object.entries(change.after)
  if (change.kind === 'insert') {
    if (entries.length === 0) return [`INSERT INTO ${table} DEFAULT VALUES RETURNING 1`]
    const names = entries.map(([name]) => quoteName(name)).join(', ')
    const values = joined(
      entries.map(([, value]) => [{ value }]),
      ', ',
    )
    return [`INSERT INTO ${table} (${names}) VALUES (`, ...values, ') RETURNING 1']
  }
  const sets = joined(
    entries.map(([name, value]) => [`${quoteName(name)} = `, { value }]),
    ', ',
  )
  const unchanged = entries.flatMap(([name]): Piece[] => {
    const value = change.before[name]
    return value === undefined ? [] : [` AND ${quoteName(name)} IS `, { value }]
  })
  return [`UPDATE ${table} SET `, ...sets, ' WHERE ', ...isRow(shape, change.row), ...unchanged, ' RETURNING 1']
}

/** Builds the statements of all changes, each of which must affect 1 row. */
export const buildStatements = (shape: RowIdentity, draft: RowChanges) =>
  draft.map((change) => ({ ...toStatement(buildChange(shape, change)), expect: { rows: 1 } }))
