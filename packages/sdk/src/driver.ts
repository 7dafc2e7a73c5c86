import type { PerSQLDatabase } from './database.ts'
import type { Int64, Param, QueryResult, Row } from './types.ts'

/** The callbacks of Drizzle's sqlite-proxy. */
export interface Driver {
  // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
  (sql: string, params: any[], method: 'run' | 'all' | 'values' | 'get'): Promise<{ rows: any[] }>
  /** The second argument of `drizzle()`, for `db.batch`. */
  batch(
    // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
    statements: { sql: string; params: any[]; method: 'run' | 'all' | 'values' | 'get' }[],
    // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
  ): Promise<{ rows: any[] }[]>
}

/** Returns rows as arrays, and a single row for `get`, as Drizzle expects them. */
const toRows = ({ rows }: QueryResult<Row<Int64>, Int64>, method: string) =>
  ({ rows: method === 'get' ? rows[0] : rows }) as { rows: unknown[] }

/** Runs one statement of Drizzle. */
export async function runQuery(
  db: Pick<PerSQLDatabase<Int64>, 'query'>,
  sql: string,
  params: Param[],
  method: string,
): Promise<{ rows: unknown[] }> {
  return toRows(await db.query(sql, params), method)
}

/** Runs statements of Drizzle in one transaction. */
export async function runBatch(
  db: PerSQLDatabase<Int64>,
  statements: readonly { sql: string; params: Param[]; method: string }[],
): Promise<{ rows: unknown[] }[]> {
  const results = await db.transaction(statements.map(({ sql, params }) => ({ sql, params })))
  return results.map((result, index) => toRows(result, statements[index]?.method as string))
}
