import type { CallOptions, Int64, Params, QueryResult, Row, Statement } from './types.ts'

/** The options of a transaction. `timeoutMs` and `maxRetries` apply to each of its requests. */
export interface TransactionOptions extends CallOptions {
  /**
   * When other writes have to wait for the transaction: `write` from its first statement, `deferred` from its first write, and
   * `read` never, because it can't write. A `write` transaction never fails with `transaction_conflict`. Default: `write`.
   */
  mode?: 'write' | 'deferred' | 'read'
  /**
   * Maximum number of times that the function of `db.transaction` runs again after `transaction_busy` and
   * `transaction_conflict`. Default: 3.
   */
  retries?: number
}

/** A transaction that is open. Statements run in the order of the calls, also without `await` between them. */
export interface Transaction<I extends Int64 = 'number'> {
  /** Runs one statement, which sees the transaction's own writes. @throws PerSQLError; the transaction stays open */
  query<T extends object = Row<I>>(sql: string, params?: Params): Promise<QueryResult<T, I>>
  /** Runs statements in one request, up to the first error. The effects of the statements before the error stay. */
  batch<T extends object = Row<I>>(statements: readonly Statement[]): Promise<QueryResult<T, I>[]>
  /**
   * Runs a function in a savepoint: its writes are undone if it throws. Until it ends, use only the argument of the
   * function.
   */
  transaction<R>(run: (tx: Transaction<I>) => Promise<R> | R): Promise<R>
}

/** A transaction that its creator ends. The server rolls it back if it is idle for too long. */
export interface OpenTransaction<I extends Int64 = 'number'> extends Transaction<I> {
  /** @throws PerSQLError; nothing was committed, and the transaction stays open if a constraint is violated */
  commit(): Promise<void>
  /** Rolls back all statements. Does nothing if the transaction has ended. */
  rollback(): Promise<void>
}
