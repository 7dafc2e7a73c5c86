import type { CompiledQuery } from 'kysely'

const WRITE = /^(insert|replace|update|delete|create|drop|alter|reindex|analyze)\b/i
const LEADING = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/

/** Returns whether a query can't return rows, which a transaction could not provide before it commits. */
export function onlyWrites({ query, sql }: CompiledQuery): boolean {
  switch (query.kind) {
    case 'SelectQueryNode':
      return false
    case 'InsertQueryNode':
    case 'UpdateQueryNode':
    case 'DeleteQueryNode':
      return query.returning === undefined
    case 'RawNode':
      return WRITE.test(sql.replace(LEADING, '')) && !/\breturning\b/i.test(sql)
    default:
      return true
  }
}
