import type { TokenFilter } from '@persql/contract'
import type { FindPlace, Place } from '../../selection.ts'

/** The condition for tokens that are neither revoked nor expired, with the time as its parameter. */
export const LIVE = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)'

/** The tokens of a list. */
export interface TokenListFilter extends Omit<TokenFilter, 'database'> {
  /** The tokens that the caller sees, or `null` for all. */
  readonly ids: readonly string[] | null
  /** Only tokens that are limited to databases, with this one among them; `null` is a database that doesn't exist. */
  readonly databaseId?: string | null | undefined
}

/** Returns the conditions of a list over the table `token`, with their parameters. */
export function toConditions({ ids, q, parent, databaseId }: TokenListFilter, findPlace: FindPlace, nowMs: number) {
  const conditions = [LIVE]
  const params: (string | number)[] = [nowMs]
  const add = (condition: string, ...values: string[]) => {
    conditions.push(condition)
    params.push(...values)
  }
  if (ids !== null) add('id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
  if (parent !== undefined) add('minted_by = ?', parent)
  if (q !== undefined) add('(instr(lower(name), lower(?)) > 0 OR id = ?)', q, q)
  if (databaseId !== undefined) add(...limitedTo(databaseId === null ? undefined : findPlace(databaseId)))
  return { where: conditions.join(' AND '), params }
}

/** Returns the condition that a token is limited to databases, with this one among them, and its parameters. */
function limitedTo(place: Place | undefined): [condition: string, ...params: string[]] {
  if (place === undefined) return ['FALSE']
  const has = (list: string, condition: string) =>
    `EXISTS (SELECT 1 FROM json_each(${list}) AS entry WHERE ${condition})`
  const isId = has("one.value, '$.ids'", 'entry.value = ?')
  const isOne = `(${isId} OR ${has("one.value, '$.patterns'", '? GLOB entry.value')})`
  const { id, slug, parent } = place
  const isIn = parent === null ? isOne : `(${isId} OR (one.value ->> '$.branches' AND ${isOne}))`
  const condition = `CASE WHEN selection IS NULL THEN ${has("coalesce(databases, '[]')", 'entry.value = ?')}
    ELSE NOT EXISTS (SELECT 1 FROM json_each(selection) AS one WHERE NOT ${isIn}) END`
  return parent === null ? [condition, id, id, slug] : [condition, id, id, parent.id, parent.slug]
}
