import { toIso } from '../clock.ts'
import type { Migration } from '../storage/migrate.ts'

export const AUDIT: Migration = {
  name: 'audit log',
  sql: `
    CREATE TABLE audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      target TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT;
  `,
}

/** An audit event of the namespace. */
export interface AuditEntry {
  readonly id: number
  /** ISO 8601. */
  readonly at: string
  /** `user:<id>`, `token:<id>`, `operator`, `stripe` or `system`. */
  readonly actor: string
  /** Noun and past participle, like `token.created`. */
  readonly action: string
  /** The ID or slug of the object that the action applies to. */
  readonly target: string
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/**
 * The audit log of a namespace, kept forever. Each event is written in the transaction of its change, so neither exists
 * without the other.
 */
export class Audit {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  add(actor: string, action: string, target: string, detail: AuditEntry['detail'], nowMs: number): void {
    this.#sql.exec(
      'INSERT INTO audit (at, actor, action, target, detail) VALUES (?, ?, ?, ?, ?)',
      nowMs,
      actor,
      action,
      target,
      JSON.stringify(detail),
    )
  }

  /** Returns the actor of the latest event with one of these actions and this target. */
  findActor(actions: readonly string[], target: string): string | undefined {
    const [row] = this.#sql.exec(
      `SELECT actor FROM audit WHERE action IN (SELECT value FROM json_each(?)) AND target = ?
       ORDER BY id DESC LIMIT 1`,
      JSON.stringify(actions),
      target,
    )
    return row?.actor as string | undefined
  }

  /**
   * Returns the newest events first, older than `before`. `action` selects one action, or all actions that start with
   * it and a dot.
   */
  list(limit: number, before = Number.MAX_SAFE_INTEGER, action?: string): AuditEntry[] {
    return [
      ...this.#sql.exec(
        `SELECT * FROM audit WHERE id < (+CAST(?1 AS INTEGER))
           AND (?2 IS NULL OR action = ?2 OR substr(action, 1, length(?2) + 1) = ?2 || '.')
         ORDER BY id DESC LIMIT ?3`,
        before,
        action ?? null,
        limit,
      ),
    ].map((row) => ({
      id: row.id as number,
      at: toIso(row.at as number),
      actor: row.actor as string,
      action: row.action as string,
      target: row.target as string,
      detail: JSON.parse(row.detail as string) as AuditEntry['detail'],
    }))
  }
}
