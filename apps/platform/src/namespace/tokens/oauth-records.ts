import type { Role } from '@persql/contract'
import type { RecordOptions } from '../../oauth-server/store.ts'
import { getExpiry } from '../../oauth-server/store.ts'
import type { Migration } from '../../storage/migrate.ts'

export const OAUTH: Migration = {
  name: 'oauth grants, tokens of several databases',
  sql: `
    CREATE TABLE oauth_record (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      metadata TEXT,
      expires_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX oauth_record_end ON oauth_record (expires_at) WHERE expires_at IS NOT NULL;
    -- Ids of the only databases that a token opens, in JSON.
    ALTER TABLE token ADD COLUMN databases TEXT;
    UPDATE token SET databases = json_array(database_id) WHERE database_id IS NOT NULL;
    DROP INDEX token_database;
    ALTER TABLE token DROP COLUMN database_id;
    CREATE INDEX token_databases ON token (databases) WHERE databases IS NOT NULL;
    -- Of an access token: what it was given by, for whom, and the door that takes it.
    ALTER TABLE token ADD COLUMN grant_id TEXT;
    ALTER TABLE token ADD COLUMN user_id TEXT;
    ALTER TABLE token ADD COLUMN audience TEXT;
    CREATE INDEX token_grant ON token (grant_id) WHERE grant_id IS NOT NULL;
  `,
}

/** The fields of the library's grant record that PerSQL reads. */
export interface GrantRecord {
  readonly id: string
  readonly clientId: string
  /** The member's consent, with database IDs. */
  readonly metadata: {
    readonly userId: string
    readonly role: Role
    readonly databases: readonly string[] | null
    readonly clientName: string
  }
  readonly resource?: unknown
  readonly createdAt: number
  /** The hash of the current refresh token. Missing until the authorization code is exchanged. */
  readonly refreshTokenId?: string
}

/** Records with an expiry, found by key or by prefix. */
export class OAuthRecords {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  get<T>(key: string, nowMs: number): T | undefined {
    const [row] = this.#sql.exec<{ value: string }>(
      'SELECT value FROM oauth_record WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)',
      key,
      nowMs,
    )
    return row && (JSON.parse(row.value) as T)
  }

  put(key: string, value: string, options: RecordOptions, nowMs: number): void {
    this.#sql.exec('DELETE FROM oauth_record WHERE expires_at <= ?', nowMs)
    this.#sql.exec(
      'INSERT OR REPLACE INTO oauth_record VALUES (?, ?, ?, ?)',
      key,
      value,
      options.metadata === undefined ? null : JSON.stringify(options.metadata),
      getExpiry(options, nowMs),
    )
  }

  delete(prefix: string): void {
    this.#sql.exec('DELETE FROM oauth_record WHERE key >= ? AND key < ?', prefix, after(prefix))
  }

  keys(prefix: string, nowMs: number): { name: string; metadata?: unknown }[] {
    return this.#rows(prefix, nowMs).map(({ key, metadata }) =>
      metadata === null ? { name: key } : { name: key, metadata: JSON.parse(metadata) as unknown },
    )
  }

  values<T>(prefix: string, nowMs: number): T[] {
    return this.#rows(prefix, nowMs).map(({ value }) => JSON.parse(value) as T)
  }

  #rows(prefix: string, nowMs: number) {
    return [
      ...this.#sql.exec<{ key: string; value: string; metadata: string | null }>(
        `SELECT key, value, metadata FROM oauth_record
         WHERE key >= ? AND key < ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key`,
        prefix,
        after(prefix),
        nowMs,
      ),
    ]
  }
}

const after = (prefix: string) => `${prefix}\u{10ffff}`
