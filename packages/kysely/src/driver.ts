import type { PerSQLDatabase } from '@persql/sdk'
import type { Driver, TransactionSettings } from 'kysely'
import { PerSQLConnection } from './connection.ts'

/** Connections are cheap: there is one for each use, and it holds the writes of its transaction. */
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
      throw new Error('Transactions of PerSQL are serializable and write: they have no other isolation or access mode.')
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

  /** The database belongs to whoever opened it. */
  async destroy(): Promise<void> {}
}
