import type { Int64, PerSQLDatabase } from '@persql/sdk'
import type { Driver, TransactionSettings } from 'kysely'
import { PerSQLConnection } from './connection.ts'

/** A driver with a connection for each use. */
export class PerSQLDriver implements Driver {
  readonly #database: PerSQLDatabase<Int64>

  constructor(database: PerSQLDatabase<Int64>) {
    this.#database = database
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PerSQLConnection> {
    return new PerSQLConnection(this.#database)
  }

  async beginTransaction(connection: PerSQLConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel = 'serializable', accessMode } = settings
    if (isolationLevel !== 'serializable') {
      throw new Error("PerSQL transactions are serializable. Other isolation levels aren't supported.")
    }
    await connection.begin(accessMode === 'read only' ? 'read' : 'write')
  }

  commitTransaction(connection: PerSQLConnection): Promise<void> {
    return connection.commit()
  }

  rollbackTransaction(connection: PerSQLConnection): Promise<void> {
    return connection.rollback()
  }

  savepoint(connection: PerSQLConnection, name: string): Promise<void> {
    return connection.runForSavepoint('SAVEPOINT', name)
  }

  rollbackToSavepoint(connection: PerSQLConnection, name: string): Promise<void> {
    return connection.runForSavepoint('ROLLBACK TO', name)
  }

  releaseSavepoint(connection: PerSQLConnection, name: string): Promise<void> {
    return connection.runForSavepoint('RELEASE', name)
  }

  /** Rolls back a transaction that was neither committed nor rolled back. */
  releaseConnection(connection: PerSQLConnection): Promise<void> {
    return connection.rollback()
  }

  /** Closes nothing, because the caller opened the database. */
  async destroy(): Promise<void> {}
}
