import type { Migration } from '../../storage/migrate.ts'

export const ORIGINS: Migration = {
  name: 'origins and generations of tokens',
  sql: `
    -- ID of the token or of the grant that created it, and that ends it.
    ALTER TABLE token ADD COLUMN minted_by TEXT;
    CREATE INDEX token_minted_by ON token (minted_by) WHERE minted_by IS NOT NULL;
    -- Number of times that the secret was replaced.
    ALTER TABLE token ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE handoff ADD COLUMN minted_by TEXT;
    -- Replaced secrets and ended grants, while a cache can still hold them.
    CREATE TABLE ended_key (
      key TEXT PRIMARY KEY,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
}

/** Records which credential created which token or unredeemed handoff. Creators are tokens and apps. */
export class Origins {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Returns credentials with all that they created, directly or indirectly. */
  withDescendants(ids: readonly string[]): string[] {
    const rows = this.#sql.exec<{ id: string }>(
      `WITH RECURSIVE origin (id) AS (
         SELECT value FROM json_each(?)
         UNION SELECT token.id FROM origin JOIN token ON token.minted_by = origin.id
       ) SELECT id FROM origin`,
      JSON.stringify(ids),
    )
    return [...rows].map(({ id }) => id)
  }

  /** Returns the credentials that a token descends from, directly or indirectly. */
  ancestors(id: string): string[] {
    const rows = this.#sql.exec<{ id: string }>(
      `WITH RECURSIVE origin (id) AS (
         SELECT minted_by FROM token WHERE id = ?
         UNION SELECT token.minted_by FROM origin JOIN token ON token.id = origin.id
       ) SELECT id FROM origin WHERE id IS NOT NULL`,
      id,
    )
    return [...rows].map(({ id }) => id)
  }

  /** Changes the creator of tokens. `null` makes them belong to the namespace. */
  move(ids: readonly string[], to: string | null): void {
    const sql = 'UPDATE token SET minted_by = ? WHERE id IN (SELECT value FROM json_each(?))'
    this.#sql.exec(sql, to, JSON.stringify(ids))
  }

  /** Returns the IDs of the live tokens that a credential created itself. */
  children(id: string, nowMs: number): string[] {
    return this.#links(nowMs).flatMap(({ child, parent }) => (child !== null && parent === id ? [child] : []))
  }

  /** Returns the grants that created tokens directly. */
  grants(): string[] {
    const rows = this.#sql.exec<{ id: string }>(
      `SELECT DISTINCT minted_by AS id FROM token WHERE revoked_at IS NULL AND minted_by NOT LIKE 'tok\\_%' ESCAPE '\\'
       UNION SELECT minted_by FROM handoff WHERE minted_by NOT LIKE 'tok\\_%' ESCAPE '\\'`,
    )
    return [...rows].map(({ id }) => id)
  }

  /** Deletes the handoffs that these credentials created. Returns how many could still be redeemed. */
  dropHandoffs(ids: readonly string[], nowMs: number): number {
    const rows = this.#sql.exec<{ expires_at: number }>(
      'DELETE FROM handoff WHERE minted_by IN (SELECT value FROM json_each(?)) RETURNING expires_at',
      JSON.stringify(ids),
    )
    return [...rows].filter(({ expires_at }) => expires_at > nowMs).length
  }

  /** Returns the number of live descendants of each credential, by ID. */
  counts(nowMs: number): Map<string, number> {
    const counts = new Map<string, number>()
    const children = new Map<string, string[]>()
    for (const { child, parent } of this.#links(nowMs)) {
      if (child === null) counts.set(parent, (counts.get(parent) ?? 0) + 1)
      else if (!children.get(parent)?.push(child)) children.set(parent, [child])
    }
    // `order` lists parents before their children, so the sums run from the end.
    const isChild = new Set([...children.values()].flat())
    const order = [...children.keys()].filter((id) => !isChild.has(id))
    for (const id of order) for (const child of children.get(id) ?? []) order.push(child)
    for (const id of order.reverse()) {
      const sum = (children.get(id) ?? []).reduce((total, child) => total + 1 + (counts.get(child) ?? 0), 0)
      counts.set(id, (counts.get(id) ?? 0) + sum)
    }
    return counts
  }

  /** A handoff has no ID of its own. */
  #links(nowMs: number): { readonly child: string | null; readonly parent: string }[] {
    return [
      ...this.#sql.exec<{ child: string | null; parent: string }>(
        `SELECT id AS child, minted_by AS parent FROM token
         WHERE minted_by IS NOT NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
         UNION ALL SELECT NULL, minted_by FROM handoff WHERE minted_by IS NOT NULL AND expires_at > ?`,
        nowMs,
        nowMs,
      ),
    ]
  }
}
