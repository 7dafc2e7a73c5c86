import type { Migration } from '../storage/migrate.ts'

export const ATTEMPTS: Migration = {
  name: 'attempts',
  sql: `
    CREATE TABLE attempt (key TEXT PRIMARY KEY, count INTEGER NOT NULL, ends_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX attempt_ends_at ON attempt (ends_at);
  `,
}

/** Windows beyond this number replace those that end first. */
const MAX_WINDOWS = 20_000

/**
 * Attempts to sign in, by IP address and route, in fixed windows that start with the first attempt. An attempt is
 * counted before its result is known, so concurrent guesses count too, and a restart doesn't reset a limit.
 */
export class Attempts {
  readonly #sql: SqlStorage
  readonly #maxWindows: number

  constructor(sql: SqlStorage, maxWindows = MAX_WINDOWS) {
    this.#sql = sql
    this.#maxWindows = maxWindows
  }

  /** Counts an attempt and returns 0, or returns the number of seconds until the next attempt is allowed. */
  take(key: string, limit: { readonly max: number; readonly windowS: number }, nowMs: number): number {
    const [open] = this.#sql.exec<{ count: number; ends_at: number }>(
      'SELECT count, ends_at FROM attempt WHERE key = ? AND ends_at > ?',
      key,
      nowMs,
    )
    if (open && open.count >= limit.max) return Math.max(1, Math.ceil((open.ends_at - nowMs) / 1000))
    if (open) this.#sql.exec('UPDATE attempt SET count = count + 1 WHERE key = ?', key)
    else this.#open(key, nowMs + limit.windowS * 1000, nowMs)
    return 0
  }

  /** Opens a window and deletes those that have ended. */
  #open(key: string, endsAtMs: number, nowMs: number): void {
    this.#sql.exec('DELETE FROM attempt WHERE ends_at <= ?', nowMs)
    const { windows } = this.#sql.exec<{ windows: number }>('SELECT count(*) AS windows FROM attempt').one()
    this.#sql.exec(
      'DELETE FROM attempt WHERE key IN (SELECT key FROM attempt ORDER BY ends_at LIMIT ?)',
      Math.max(0, windows + 1 - this.#maxWindows),
    )
    this.#sql.exec('INSERT INTO attempt (key, count, ends_at) VALUES (?, 1, ?)', key, endsAtMs)
  }
}
