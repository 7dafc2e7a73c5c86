import { RpcTarget } from 'cloudflare:workers'
import { now } from '../clock.ts'
import type { Migration } from '../storage/migrate.ts'

export const OAUTH_CLIENTS: Migration = {
  name: 'oauth clients',
  sql: `
    CREATE TABLE oauth_client (
      id TEXT PRIMARY KEY,
      record TEXT NOT NULL,
      used INTEGER NOT NULL DEFAULT 0,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX oauth_client_end ON oauth_client (expires_at);
  `,
}

/** The lifetime of a registration that no user authorizes. Anyone can register clients. */
const UNUSED_MS = 7 * 24 * 60 * 60 * 1000

/** Apps that registered themselves: public clients without a secret. */
export class OAuthClients extends RpcTarget {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    super()
    this.#sql = sql
  }

  /** Returns the library's record of a client. */
  get(id: string): string | undefined {
    const [row] = this.#sql.exec<{ record: string }>(
      'SELECT record FROM oauth_client WHERE id = ? AND expires_at > ?',
      id,
      now(),
    )
    return row?.record
  }

  /** Registers a client for up to 7 days, or renews it for `ttlMs`. */
  put(id: string, record: string, ttlMs: number): void {
    const nowMs = now()
    this.#sql.exec('DELETE FROM oauth_client WHERE expires_at <= ?', nowMs)
    this.#sql.exec(
      `INSERT INTO oauth_client (id, record, expires_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET record = excluded.record, expires_at = ?`,
      id,
      record,
      nowMs + Math.min(ttlMs, UNUSED_MS),
      nowMs + ttlMs,
    )
  }

  /** Extends the registration to its full lifetime after the first authorization. */
  markUsed(id: string, ttlMs: number): void {
    this.#sql.exec('UPDATE oauth_client SET used = 1, expires_at = ? WHERE id = ? AND used = 0', now() + ttlMs, id)
  }
}
