import type { Int64, PerSQLDatabase } from '@persql/sdk'
import {
  DriverAdapterError,
  type IsolationLevel,
  type SqlDriverAdapter,
  type Transaction,
} from '@prisma/driver-adapter-utils'
import { PerSQLQueryable } from './queryable.ts'
import { PerSQLTransaction } from './transaction.ts'

/** The connection of Prisma Client to a database. Each query is a call, so connections need no pool. */
export class PerSQLAdapter extends PerSQLQueryable implements SqlDriverAdapter {
  readonly #database: PerSQLDatabase<'bigint'>

  constructor(database: PerSQLDatabase<Int64>) {
    const exact = database.with({ int64: 'bigint' })
    super(exact)
    this.#database = exact
  }

  async startTransaction(isolationLevel: IsolationLevel = 'SERIALIZABLE'): Promise<Transaction> {
    if (isolationLevel !== 'SERIALIZABLE') {
      throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level: isolationLevel })
    }
    return new PerSQLTransaction(await this.#database.begin())
  }

  /** Only `prisma migrate` and `prisma db push` run scripts. */
  async executeScript(_script: string): Promise<void> {
    throw new Error('@persql/prisma runs no scripts. Apply migrations with "persql db migrate".')
  }

  /** Closes nothing, because the caller opened the database. */
  async dispose(): Promise<void> {}
}
