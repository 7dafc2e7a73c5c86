import type { DatabaseFilter, DatabaseSort } from '@persql/contract'
import * as z from 'zod'
import type { Order } from '../../paging.ts'
import { getFixed, type Selection, toCondition } from '../../selection.ts'
import { type Row, SELECT_ROWS } from './database-rows.ts'

/** The part of a namespace's databases that a list has. */
export interface DatabaseSelection extends DatabaseFilter {
  /** The databases that the caller has access to, or `null` for all. */
  readonly opens: Selection | null
}

/** The position of a database in an order: a number and the ID, or the slug. */
export type ListKey = [number, string] | [string]
type SortColumn = 'created_at' | 'used_order' | 'bytes_order' | 'rows_order'

const NUMBERS: Readonly<Record<Exclude<DatabaseSort, 'slug'>, SortColumn>> = {
  '-createdAt': 'created_at',
  '-lastUsedAt': 'used_order',
  '-storedBytes': 'bytes_order',
  '-rows': 'rows_order',
}

/** Returns the order of a list. A cursor is valid for its own order only. */
export function toOrder(sort: DatabaseSort): Order<Row, ListKey> {
  if (sort === 'slug') return { name: 'databases', key: z.tuple([z.string()]), toKey: ({ slug }) => [slug] }
  const column = NUMBERS[sort]
  return {
    name: `databases ${sort}`,
    key: z.tuple([z.number(), z.string()]),
    toKey: (row) => [row[column], row.id],
  }
}

interface Statement {
  readonly sql: string
  readonly params: readonly (string | number)[]
}

/** Returns the statement for the databases after a key, in order; all of them for a negative limit. */
export function toListQuery(
  selection: DatabaseSelection,
  sort: DatabaseSort,
  after: ListKey | undefined,
  limit: number,
): Statement {
  const { conditions, params, isSelective } = toConditions(selection)
  // The plus prevents the index of the order: the index of the filter finds fewer rows.
  const plus = isSelective ? '+' : ''
  const column = sort === 'slug' ? 'slug' : NUMBERS[sort]
  const order = sort === 'slug' ? `${plus}slug` : `${plus}${column} DESC, ${plus}id DESC`
  if (after) {
    conditions.push(sort === 'slug' ? `${plus}slug > ?` : `(${plus}${column}, ${plus}id) < (?, ?)`)
    params.push(...after)
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return { sql: `${SELECT_ROWS} ${where} ORDER BY ${order} LIMIT ?`, params: [...params, limit] }
}

/** Returns the statement that counts the databases of a selection as `total`; `undefined` if it has all of them. */
export function toCountQuery(selection: DatabaseSelection): Statement | undefined {
  const { conditions, params } = toConditions(selection)
  if (conditions.length === 0) return undefined
  const sql = `SELECT count(*) AS total FROM database LEFT JOIN lineage ON lineage.database_id = database.id
    WHERE ${conditions.join(' AND ')}`
  return { sql, params }
}

const STATUS: Readonly<Record<NonNullable<DatabaseFilter['status']>, string>> = {
  deleting: "status = 'deleting'",
  damaged: "status = 'healthy' AND damage IS NOT NULL",
  provisioning: "status = 'healthy' AND damage IS NULL AND ready = 0",
  healthy: "status = 'healthy' AND damage IS NULL AND coalesce(ready, 1) = 1",
}
const BRANCHES = { include: undefined, only: 'ref IS NOT NULL', none: 'ref IS NULL' } as const
const CREATED_FROM = {
  empty: 'parent_id IS NULL',
  fork: 'parent_id IS NOT NULL AND ref IS NULL',
  branch: 'ref IS NOT NULL',
} as const

function toConditions(selection: DatabaseSelection) {
  const { opens, labels, q, prefix, branches, forkedFrom, status, createdFrom, usedBefore, expiringBefore } = selection
  const conditions: string[] = []
  const params: (string | number)[] = []
  const add = (condition: string | undefined, ...values: (string | number)[]) => {
    if (condition === undefined) return
    conditions.push(condition)
    params.push(...values)
  }
  const ids = opens && getFixed(opens)
  if (ids) add('id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
  for (const [key, value] of Object.entries(labels ?? {})) {
    add('id IN (SELECT label.database_id FROM label WHERE key = ? AND value = ?)', key, value)
  }
  if (forkedFrom !== undefined) {
    add('parent_id = coalesce((SELECT id FROM database WHERE slug = ?), ?)', forkedFrom, forkedFrom)
  }
  if (expiringBefore !== undefined) add('expires_at < ?', Date.parse(expiringBefore))
  const isSelective = conditions.length > 0
  if (opens && !ids) {
    const { where, params: patterns } = toCondition(opens)
    add(where, ...patterns)
  }
  // The brace is the character after "z".
  if (prefix !== undefined) add('slug >= ? AND slug < ?', prefix, `${prefix}{`)
  if (q !== undefined) add('(instr(slug, lower(?)) > 0 OR instr(lower(name), lower(?)) > 0)', q, q)
  add(branches && BRANCHES[branches])
  add(status && STATUS[status])
  add(createdFrom && CREATED_FROM[createdFrom])
  if (usedBefore !== undefined) add('coalesce(used_at, created_at) < ?', Date.parse(usedBefore))
  return { conditions, params, isSelective }
}
