import type { PerSQLDatabase } from '@persql/sdk'
import type { Driver, TransactionSettings } from 'kysely'
import { PerSQLConnection } from './connection.ts'

/** A driver with a connection for each use, which buffers the writes of its transaction. */
export class PerSQLDriver implements Driver {
  readonly #database: PerSQLDatabase

  constructor(database: PerSQLDatabase) {
    this.#database = database
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PerSQLConnection> {
    return new PerSQLConnection(this.#database)
  }

  async beginTransaction(connection: PerSQLConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel = 'serializable', accessMode = 'read write' } = settings
    if (isolationLevel !== 'serializable' || accessMode !== 'read write') {
      throw new Error(
        "PerSQL transactions are serializable and read-write. Other isolation levels and access modes aren't supported.",
      )
    }
    connection.begin()
  }

  commitTransaction(connection: PerSQLConnection): Promise<void> {
    return connection.commit()
  }

  async rollbackTransaction(connection: PerSQLConnection): Promise<void> {
    connection.rollback()
  }

  async savepoint(connection: PerSQLConnection, name: string): Promise<void> {
    connection.savepoint(name)
  }

  async rollbackToSavepoint(connection: PerSQLConnection, name: string): Promise<void> {
    connection.rollbackTo(name)
  }

  async releaseSavepoint(connection: PerSQLConnection, name: string): Promise<void> {
    connection.release(name)
  }

  async releaseConnection(connection: PerSQLConnection): Promise<void> {
    connection.rollback()
  }

  /** Closes nothing, because the caller opened the database. */
  async destroy(): Promise<void> {}
}
