import type { CompiledQuery } from 'kysely'

const WRITE = /^(insert|replace|update|delete|create|drop|alter|reindex|analyze)\b/i
const LEADING = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/

/** Whether a query surely gives no rows, so that nobody misses them before the transaction commits. */
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
