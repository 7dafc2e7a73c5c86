import { SqliteAdapter } from 'kysely'

/** SQLite's adapter, with several connections and with schema changes in transactions. */
export class PerSQLAdapter extends SqliteAdapter {
  /** Makes Kysely's Migrator apply all pending migrations in one transaction. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** Since 0.29, Kysely opens one connection for SQLite. */
  get supportsMultipleConnections(): boolean {
    return true
  }
}
