import type { Param, Statement } from '@persql/sdk'
import { type DrizzleConfig, TransactionRollbackError } from 'drizzle-orm'
import { drizzle as proxy, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'

/** The argument of a `db.transaction` function. */
type Transaction<TSchema extends Record<string, unknown>> = SqliteRemoteDatabase<TSchema> & { rollback(): never }

const READ =
  "PerSQL transactions collect writes and send them on commit, so they can't return rows. Read " +
  'before the transaction, or use db.batch([…]), which returns the result of each statement.'

/**
 * Creates `db.transaction`, which collects writes and passes them to `commit` when its function returns. A nested
 * transaction adds its writes to the outer one, or drops them if it fails, like a savepoint.
 */
export function runTransaction<TSchema extends Record<string, unknown>>(
  commit: (statements: Statement[]) => unknown,
  config: DrizzleConfig<TSchema>,
) {
  return async <T>(run: (tx: Transaction<TSchema>) => Promise<T>): Promise<T> => {
    const statements: Statement[] = []
    let open = true
    const collect = async (sql: string, params: Param[], method: string) => {
      if (!open) throw new Error('This transaction has already ended.')
      if (method !== 'run') throw new Error(READ)
      statements.push({ sql, params })
      return { rows: [] }
    }
    const rollback = (): never => {
      throw new TransactionRollbackError()
    }
    const transaction = runTransaction((inner) => statements.push(...inner), config)
    const tx = Object.assign(proxy(collect, config), { rollback, transaction, batch: undefined })
    try {
      const result = await run(tx as unknown as Transaction<TSchema>)
      open = false
      if (statements.length > 0) await commit(statements)
      return result
    } finally {
      open = false
    }
  }
}
