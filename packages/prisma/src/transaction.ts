import type { OpenTransaction } from '@persql/sdk'
import type { Transaction, TransactionOptions } from '@prisma/driver-adapter-utils'
import { PerSQLQueryable, withDriverErrors } from './queryable.ts'

/** A transaction of Prisma Client. It opens with its first query. */
export class PerSQLTransaction extends PerSQLQueryable implements Transaction {
  /** Prisma must not send COMMIT and ROLLBACK as queries, too. */
  readonly options: TransactionOptions = { usePhantomQuery: true }
  readonly #transaction: OpenTransaction<'bigint'>

  constructor(transaction: OpenTransaction<'bigint'>) {
    super(transaction)
    this.#transaction = transaction
  }

  commit(): Promise<void> {
    return withDriverErrors(this.#transaction.commit())
  }

  rollback(): Promise<void> {
    return withDriverErrors(this.#transaction.rollback())
  }

  createSavepoint(name: string): Promise<void> {
    return this.#savepoint('SAVEPOINT', name)
  }

  rollbackToSavepoint(name: string): Promise<void> {
    return this.#savepoint('ROLLBACK TO', name)
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#savepoint('RELEASE', name)
  }

  async #savepoint(command: string, name: string): Promise<void> {
    await withDriverErrors(this.#transaction.query(`${command} "${name.replaceAll('"', '""')}"`))
  }
}
