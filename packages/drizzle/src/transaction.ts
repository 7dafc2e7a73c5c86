import type { Param, Statement } from '@persql/sdk'
import { type DrizzleConfig, TransactionRollbackError } from 'drizzle-orm'
import { drizzle as proxy, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'

/** What a function of `db.transaction` is given. */
type Transaction<TSchema extends Record<string, unknown>> = SqliteRemoteDatabase<TSchema> & { rollback(): never }

const READ =
  'A transaction of PerSQL collects writes and sends them at its end, so it has no rows to give inside: ' +
  'read before it, or use db.batch([…]), which gives the results of all its statements.'

/**
 * Makes `db.transaction`: writes are collected, and given to `commit` together when the function is done. A transaction
 * inside hands its writes to the one around it, or drops them when it fails: what a savepoint would do.
 */
export function runTransaction<TSchema extends Record<string, unknown>>(
  commit: (statements: Statement[]) => unknown,
  config: DrizzleConfig<TSchema>,
) {
  return async <T>(run: (tx: Transaction<TSchema>) => Promise<T>): Promise<T> => {
    const statements: Statement[] = []
    let open = true
    const collect = async (sql: string, params: Param[], method: string) => {
      if (!open) throw new Error('This transaction has ended.')
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
