import type { Migration } from '../../storage/migrate.ts'

export const LINEAGE: Migration = {
  name: 'branches and forks, pinned tokens, handoffs',
  sql: `
    -- Where a database came from. One that is not ready is not there yet, or is being reset.
    CREATE TABLE lineage (
      database_id TEXT PRIMARY KEY,
      parent_id TEXT NOT NULL,
      parent_slug TEXT NOT NULL,
      parent_name TEXT NOT NULL,
      ref TEXT,
      forked_at INTEGER NOT NULL,
      expires_at INTEGER,
      ready INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX lineage_ref ON lineage (parent_id, ref) WHERE ref IS NOT NULL;
    CREATE INDEX lineage_expiry ON lineage (expires_at) WHERE expires_at IS NOT NULL;
    ALTER TABLE token ADD COLUMN database_id TEXT;
    CREATE INDEX token_database ON token (database_id) WHERE database_id IS NOT NULL;
    CREATE TABLE handoff (
      hash TEXT PRIMARY KEY,
      database_id TEXT NOT NULL,
      role TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;
  `,
}

/** The origin of a branch or fork. */
export interface BranchOrigin {
  readonly databaseId: string
  readonly parentId: string
  readonly parentSlug: string
  readonly parentName: string
  /** The ref of a branch, or `null` for a fork. */
  readonly ref: string | null
  readonly forkedAtMs: number
  readonly expiresAtMs: number | null
  readonly ready: boolean
}

/** A handoff that is being redeemed. */
export interface Handoff {
  readonly databaseId: string
  readonly role: string
  /** The ID of the token or grant that created it. */
  readonly mintedBy: string | null
}

type Row = {
  database_id: string
  parent_id: string
  parent_slug: string
  parent_name: string
  ref: string | null
  forked_at: number
  expires_at: number | null
  ready: number
}

/** The branches and forks of a namespace's databases, with their parents. */
export class BranchRegistry {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  find(databaseId: string): BranchOrigin | undefined {
    return this.#rows('WHERE database_id = ?', databaseId)[0]
  }

  branch(parentId: string, ref: string): BranchOrigin | undefined {
    return this.#rows('WHERE parent_id = ? AND ref = ?', parentId, ref)[0]
  }

  branches(parentId: string): BranchOrigin[] {
    return this.#rows('WHERE parent_id = ? AND ref IS NOT NULL ORDER BY ref', parentId)
  }

  put(origin: BranchOrigin): void {
    const { databaseId, parentId, parentSlug, parentName, ref, forkedAtMs, expiresAtMs, ready } = origin
    this.#sql.exec(
      `INSERT OR REPLACE INTO lineage (database_id, parent_id, parent_slug, parent_name, ref, forked_at, ready)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      databaseId,
      parentId,
      parentSlug,
      parentName,
      ref,
      forkedAtMs,
      ready ? 1 : 0,
    )
    // A database that was protected while it was filled doesn't expire.
    const expire = 'UPDATE database SET expires_at = ? WHERE id = ? AND delete_protected = 0'
    this.#sql.exec(expire, expiresAtMs, databaseId)
  }

  remove(databaseId: string): void {
    this.#sql.exec('DELETE FROM lineage WHERE database_id = ?', databaseId)
    this.dropHandoffs(databaseId)
  }

  /** Returns the branches and forks that are being filled, or that a crash left unfinished. */
  unready(): BranchOrigin[] {
    return this.#rows('WHERE ready = 0')
  }

  /** Deletes the handoff codes of a branch. */
  dropHandoffs(databaseId: string): void {
    this.#sql.exec('DELETE FROM handoff WHERE database_id = ?', databaseId)
  }

  addHandoff(hash: string, databaseId: string, role: string, expiresAtMs: number, mintedBy: string | null): void {
    const sql = 'INSERT INTO handoff (hash, database_id, role, expires_at, minted_by) VALUES (?, ?, ?, ?, ?)'
    this.#sql.exec(sql, hash, databaseId, role, expiresAtMs, mintedBy)
  }

  /** Deletes a handoff and returns it, so that it can be redeemed only once. */
  takeHandoff(hash: string, nowMs: number): Handoff | undefined {
    this.#sql.exec('DELETE FROM handoff WHERE expires_at <= ?', nowMs)
    const sql = 'DELETE FROM handoff WHERE hash = ? RETURNING database_id, role, minted_by'
    const [row] = [...this.#sql.exec<{ database_id: string; role: string; minted_by: string | null }>(sql, hash)]
    return row && { databaseId: row.database_id, role: row.role, mintedBy: row.minted_by }
  }

  #rows(where: string, ...params: (string | number)[]): BranchOrigin[] {
    return this.#sql
      .exec<Row>(`SELECT lineage.*, expires_at FROM lineage LEFT JOIN database ON id = database_id ${where}`, ...params)
      .toArray()
      .map((row) => ({
        databaseId: row.database_id,
        parentId: row.parent_id,
        parentSlug: row.parent_slug,
        parentName: row.parent_name,
        ref: row.ref,
        forkedAtMs: row.forked_at,
        expiresAtMs: row.expires_at,
        ready: row.ready === 1,
      }))
  }
}
