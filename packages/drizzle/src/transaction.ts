import type { Param, Transaction } from '@persql/sdk'
import { type DrizzleConfig, TransactionRollbackError } from 'drizzle-orm'
import { drizzle as proxy, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'

/** The argument of a `db.transaction` function. */
type DrizzleTransaction<TSchema extends Record<string, unknown>> = SqliteRemoteDatabase<TSchema> & { rollback(): never }

/** Opens a transaction, or a savepoint in one. */
type Open = <R>(run: (tx: Transaction) => Promise<R>) => Promise<R>

/** Creates `db.transaction`. A nested transaction is a savepoint. */
export function createTransaction<TSchema extends Record<string, unknown>>(open: Open, config: DrizzleConfig<TSchema>) {
  return <T>(run: (tx: DrizzleTransaction<TSchema>) => Promise<T>): Promise<T> =>
    open((tx) => {
      const query = async (sql: string, params: Param[], method: string) => {
        const { rows } = await tx.query(sql, params)
        // Drizzle expects a single row for `get`.
        return { rows: method === 'get' ? (rows[0] as unknown[]) : rows }
      }
      const rollback = (): never => {
        throw new TransactionRollbackError()
      }
      const transaction = createTransaction((nested) => tx.transaction(nested), config)
      const db = Object.assign(proxy(query, config), { rollback, transaction, batch: undefined })
      return run(db as unknown as DrizzleTransaction<TSchema>)
    })
}
