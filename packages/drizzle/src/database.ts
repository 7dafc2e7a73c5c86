import type { PerSQLDatabase as Handle } from '@persql/sdk'
import type { DrizzleConfig } from 'drizzle-orm'
import { drizzle as proxy, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'
import { createTransaction } from './transaction.ts'

/** A Drizzle database: everything of Drizzle's sqlite-proxy, with PerSQL transactions. */
export type PerSQLDatabase<TSchema extends Record<string, unknown> = Record<string, never>> =
  SqliteRemoteDatabase<TSchema> & { $client: Handle }

/**
 * Opens Drizzle on a database of `@persql/sdk`. `db.batch([…])` runs statements in one transaction and one call;
 * `db.transaction(…)` runs a function in a transaction.
 */
export function drizzle<TSchema extends Record<string, unknown> = Record<string, never>>(
  database: Handle,
  config: DrizzleConfig<TSchema> = {},
): PerSQLDatabase<TSchema> {
  const driver = database.driver()
  const db = proxy(driver, driver.batch, config)
  // Callers of Drizzle expect that their function runs once.
  const transaction = createTransaction((run) => database.transaction(run, { retries: 0 }), config)
  return Object.assign(db, { $client: database, transaction: transaction as unknown as typeof db.transaction })
}
