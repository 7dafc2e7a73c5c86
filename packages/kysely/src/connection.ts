import type {
  Int64,
  OpenTransaction,
  Param,
  PerSQLDatabase,
  QueryResult as Result,
  TransactionOptions,
} from '@persql/sdk'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'

/** The options that Kysely 0.29 passes with a query. */
interface Abortable {
  readonly signal?: AbortSignal
}

/** A connection. Queries are sent immediately, in its transaction if it has one. */
export class PerSQLConnection implements DatabaseConnection {
  readonly #database: PerSQLDatabase<Int64>
  #transaction: OpenTransaction<Int64> | undefined

  constructor(database: PerSQLDatabase<Int64>) {
    this.#database = database
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery, { signal }: Abortable = {}): Promise<QueryResult<R>> {
    const params = parameters as Param[]
    if (!this.#transaction) return toQueryResult(await this.#database.query<R & object>(sql, params, { signal }))
    signal?.throwIfAborted()
    return toQueryResult(await this.#transaction.query<R & object>(sql, params))
  }

  /** Fetches all rows in one response and yields them in chunks. */
  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize = 100,
    options?: Abortable,
  ): AsyncIterableIterator<QueryResult<R>> {
    const { rows } = await this.executeQuery<R>(query, options)
    const size = Math.max(1, chunkSize)
    for (let at = 0; at < rows.length; at += size) yield { rows: rows.slice(at, at + size) }
  }

  async begin(mode: TransactionOptions['mode']): Promise<void> {
    if (this.#transaction) throw new Error('This connection is already in a transaction.')
    this.#transaction = await this.#database.begin({ mode })
  }

  async commit(): Promise<void> {
    await this.#transaction?.commit()
    this.#transaction = undefined
  }

  /** Rolls the transaction back. Without a response, the server does so after its idle limit. */
  async rollback(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.rollback()
  }

  /** Runs a statement about a savepoint of the transaction. */
  async runForSavepoint(command: 'SAVEPOINT' | 'ROLLBACK TO' | 'RELEASE', name: string): Promise<void> {
    await this.#transaction?.query(`${command} "${name.replaceAll('"', '""')}"`)
  }
}

function toQueryResult<R>({ data, changes, lastInsertRowid }: Result<R & object, Int64>): QueryResult<R> {
  return {
    rows: data,
    numAffectedRows: changes === undefined ? undefined : BigInt(changes),
    insertId: lastInsertRowid === undefined ? undefined : BigInt(lastInsertRowid),
  }
}
