import { SqliteAdapter } from 'kysely'

/** SQLite's adapter, for connections that don't wait for each other: since 0.29, Kysely opens one for SQLite. */
export class PerSQLAdapter extends SqliteAdapter {
  get supportsMultipleConnections(): boolean {
    return true
  }
}
