import type { RunSql } from '../../sqlite/schema-map.ts'

/** Returns a function that runs SQL in a database. */
export const createRunSql =
  (sql: SqlStorage): RunSql =>
  (text, ...params) => [...sql.exec(text, ...params).raw()]
