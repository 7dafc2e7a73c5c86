import type { QueryResult as Answer, Param, PerSQLDatabase } from '@persql/sdk'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { onlyWrites } from './assert-writes.ts'
import { Writes } from './write-buffer.ts'

const READ =
  "PerSQL transactions collect writes and send them on commit, so they can't return rows. Read " +
  'before the transaction and omit returning(). If a later write depends on an earlier one, express it in SQL.'

/** The options that Kysely 0.29 passes with a query. */
interface Abortable {
  readonly signal?: AbortSignal
}

/** A connection. Queries are sent immediately, and the writes of a transaction on commit. */
export class PerSQLConnection implements DatabaseConnection {
  readonly #database: PerSQLDatabase
  #writes: Writes | undefined

  constructor(database: PerSQLDatabase) {
    this.#database = database
  }

  async executeQuery<R>(query: CompiledQuery, { signal }: Abortable = {}): Promise<QueryResult<R>> {
    if (!this.#writes) {
      return toQueryResult<R>(
        await this.#database.query<R & object>(query.sql, query.parameters as Param[], { signal }),
      )
    }
    if (!onlyWrites(query)) throw new Error(READ)
    this.#writes.add({ sql: query.sql, params: query.parameters as Param[] })
    return { rows: [] }
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

  begin(): void {
    if (this.#writes) throw new Error('This connection is already in a transaction.')
    this.#writes = new Writes()
  }

  async commit(): Promise<void> {
    const statements = this.#writes?.statements ?? []
    this.#writes = undefined
    if (statements.length > 0) await this.#database.transaction(statements)
  }

  rollback(): void {
    this.#writes = undefined
  }

  savepoint(name: string): void {
    this.#writes?.mark(name)
  }

  rollbackTo(name: string): void {
    this.#writes?.rollbackTo(name)
  }

  release(name: string): void {
    this.#writes?.release(name)
  }
}

function toQueryResult<R>({ data, changes, lastInsertRowid }: Answer<R & object>): QueryResult<R> {
  return {
    rows: data,
    numAffectedRows: changes === undefined ? undefined : BigInt(changes),
    insertId: lastInsertRowid === undefined ? undefined : BigInt(lastInsertRowid),
  }
}
