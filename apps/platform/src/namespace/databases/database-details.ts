import type { Labels, Region } from '@persql/contract'
import type { Migration } from '../../storage/migrate.ts'

export const DETAILS: Migration = {
  name: 'descriptions, labels, protection and expiry of databases',
  sql: `
    ALTER TABLE database ADD COLUMN description TEXT;
    ALTER TABLE database ADD COLUMN region TEXT;
    -- The actor, as in the audit log. NULL if the database is older than this column.
    ALTER TABLE database ADD COLUMN created_by TEXT;
    -- Any database can expire, not only branches and forks.
    ALTER TABLE database ADD COLUMN expires_at INTEGER;
    UPDATE database SET expires_at = (SELECT expires_at FROM lineage WHERE database_id = database.id);
    DROP INDEX lineage_expiry;
    ALTER TABLE lineage DROP COLUMN expires_at;
    CREATE INDEX database_expiry ON database (expires_at) WHERE expires_at IS NOT NULL;
    ALTER TABLE database ADD COLUMN delete_protected INTEGER NOT NULL DEFAULT 0
      CHECK (delete_protected = 0 OR expires_at IS NULL);
    CREATE INDEX database_protected ON database (slug) WHERE delete_protected = 1;
    CREATE TABLE label (
      database_id TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (database_id, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX label_value ON label (key, value, database_id);
  `,
}

export const MAX_BYTES: Migration = {
  name: 'size limits of databases',
  sql: 'ALTER TABLE database ADD COLUMN max_bytes INTEGER;',
}

/** The details of a new database, or changes of them. A missing field stays as it is. */
export interface DetailChanges {
  readonly name?: string | undefined
  readonly description?: string | null | undefined
  /** `null` deletes a label. */
  readonly labels?: Readonly<Record<string, string | null>> | undefined
  readonly deleteProtected?: boolean | undefined
  /** `null` for never. */
  readonly expiresAtMs?: number | null | undefined
  /** `null` for no limit of its own. */
  readonly maxBytes?: number | null | undefined
  readonly region?: Region | undefined
}

/** The details of databases: name, description, labels, protection and expiry. */
export class DatabaseDetails {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Changes the details of a database. Call it in a transaction. */
  change(id: string, changes: DetailChanges): void {
    const { name, description, labels = {}, deleteProtected, expiresAtMs, maxBytes, region } = changes
    const columns = {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description: description || null }),
      ...(region !== undefined && { region: region === 'auto' ? null : region }),
      ...(deleteProtected !== undefined && { delete_protected: deleteProtected ? 1 : 0 }),
      ...(maxBytes !== undefined && { max_bytes: maxBytes }),
      ...(expiresAtMs !== undefined && { expires_at: expiresAtMs }),
    }
    const names = Object.keys(columns)
    if (names.length > 0) {
      const assignments = names.map((column) => `${column} = ?`).join(', ')
      this.#sql.exec(`UPDATE database SET ${assignments} WHERE id = ?`, ...Object.values(columns), id)
    }
    for (const [key, value] of Object.entries(labels)) {
      if (value === null) this.#sql.exec('DELETE FROM label WHERE database_id = ? AND key = ?', id, key)
      else this.#sql.exec('INSERT OR REPLACE INTO label VALUES (?, ?, ?)', id, key, value)
    }
  }

  getMaxBytes(id: string): number | undefined {
    const rows = this.#sql.exec<{ max_bytes: number | null }>('SELECT max_bytes FROM database WHERE id = ?', id)
    return rows.toArray()[0]?.max_bytes ?? undefined
  }

  labels(id: string): Labels {
    const rows = this.#sql.exec<{ key: string; value: string }>(
      'SELECT key, value FROM label WHERE database_id = ?',
      id,
    )
    return Object.fromEntries([...rows].map(({ key, value }) => [key, value]))
  }

  /** Returns the slugs of the protected databases among these; of all if `ids` is missing. At most 100. */
  listProtected(ids?: readonly string[]): string[] {
    const rows = this.#sql.exec<{ slug: string }>(
      `SELECT slug FROM database
       WHERE delete_protected = 1 AND status = 'healthy' AND (?1 IS NULL OR id IN (SELECT value FROM json_each(?1)))
       ORDER BY slug LIMIT 100`,
      ids ? JSON.stringify(ids) : null,
    )
    return [...rows].map(({ slug }) => slug)
  }

  /** Lists expired databases, those that expired first at the beginning. */
  listExpired(nowMs: number, limit: number): { readonly id: string; readonly slug: string }[] {
    const sql = "SELECT id, slug FROM database WHERE expires_at <= ? AND status = 'healthy' ORDER BY expires_at LIMIT ?"
    return this.#sql.exec<{ id: string; slug: string }>(sql, nowMs, limit).toArray()
  }

  hasExpired(id: string, nowMs: number): boolean {
    const sql = "SELECT 1 FROM database WHERE id = ? AND expires_at <= ? AND status = 'healthy'"
    return this.#sql.exec(sql, id, nowMs).toArray().length > 0
  }

  get nextExpiryMs(): number | undefined {
    const sql = "SELECT min(expires_at) AS at FROM database WHERE expires_at IS NOT NULL AND status = 'healthy'"
    return this.#sql.exec<{ at: number | null }>(sql).one().at ?? undefined
  }
}
