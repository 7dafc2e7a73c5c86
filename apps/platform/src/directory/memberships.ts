import { PerSQLError } from '@persql/contract'
import type { Migration } from '../storage/migrate.ts'
import { RESERVED_SLUGS } from './reserved-slugs.ts'

export const MEMBERSHIPS: Migration = {
  name: 'memberships, invitations, welcomes',
  sql: `
    -- A slug is taken before its namespace is made, and stays taken when that is gone: old tokens name it.
    ALTER TABLE namespace ADD COLUMN founder TEXT;
    ALTER TABLE namespace ADD COLUMN deleted_at INTEGER;
    -- An index: who is a member of what, and as what, is for each namespace to say.
    CREATE TABLE membership (user_id TEXT NOT NULL, slug TEXT NOT NULL, PRIMARY KEY (user_id, slug)) STRICT, WITHOUT ROWID;
    CREATE TABLE invited (email TEXT NOT NULL, slug TEXT NOT NULL, PRIMARY KEY (email, slug)) STRICT, WITHOUT ROWID;
    CREATE TABLE welcome (user_id TEXT PRIMARY KEY, slug TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0) STRICT;
  `,
}

/** The reserved slugs, and an index of members and invitations. */
export class Memberships {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * Checks whether a user can found one more namespace. Repeating an interrupted call isn't one more.
   * @throws PerSQLError `too_many_namespaces`
   */
  assertCanFound(slug: string, userId: string, limit: number): void {
    if (this.#isKnown(slug)) return
    const founded = 'SELECT slug FROM namespace WHERE founder = ? AND deleted_at IS NULL LIMIT ?'
    if (this.#slugs(founded, userId, limit).length < limit) return
    throw new PerSQLError('too_many_namespaces', { limit }, { extra: { limit } })
  }

  /**
   * Reserves a slug for a new namespace. The same founder can repeat an interrupted call.
   * @throws PerSQLError `slug_taken`
   */
  reserve(slug: string, userId: string, nowMs: number): void {
    if (RESERVED_SLUGS.has(slug) && !this.#isKnown(slug)) throw new PerSQLError('slug_taken', { slug })
    this.#sql.exec(
      "INSERT INTO namespace (slug, id, created_at, founder) VALUES (?, '', ?, ?) ON CONFLICT DO NOTHING",
      slug,
      nowMs,
      userId,
    )
    const [row] = this.#sql.exec('SELECT id, founder FROM namespace WHERE slug = ?', slug)
    if (row?.id !== '' || row.founder !== userId) throw new PerSQLError('slug_taken', { slug })
    this.join(userId, slug)
  }

  join(userId: string, slug: string): void {
    this.#sql.exec('INSERT INTO membership VALUES (?, ?) ON CONFLICT DO NOTHING', userId, slug)
  }

  leave(userId: string, slug: string): void {
    this.#sql.exec('DELETE FROM membership WHERE user_id = ? AND slug = ?', userId, slug)
  }

  of(userId: string): string[] {
    return this.#slugs('SELECT slug FROM membership WHERE user_id = ? ORDER BY slug', userId)
  }

  invite(email: string, slug: string): void {
    this.#sql.exec('INSERT INTO invited VALUES (?, ?) ON CONFLICT DO NOTHING', email, slug)
  }

  uninvite(email: string, slug: string): void {
    this.#sql.exec('DELETE FROM invited WHERE email = ? AND slug = ?', email, slug)
  }

  isInvited(email: string): boolean {
    return this.#slugs('SELECT slug FROM invited WHERE email = ? LIMIT 1', email).length > 0
  }

  remove(slug: string, nowMs: number): void {
    this.#sql.exec('UPDATE namespace SET deleted_at = ? WHERE slug = ?', nowMs, slug)
    this.#sql.exec('DELETE FROM membership WHERE slug = ?', slug)
    this.#sql.exec('DELETE FROM invited WHERE slug = ?', slug)
  }

  /** Returns the slug of the namespace to create for a new user, or `undefined` if that is done. */
  beginWelcome(userId: string, handle: string, nowMs: number): string | undefined {
    const [known] = this.#sql.exec<{ slug: string; done: number }>(
      'SELECT slug, done FROM welcome WHERE user_id = ?',
      userId,
    )
    if (known) return known.done ? undefined : known.slug
    const slug = this.#free(handle)
    this.reserve(slug, userId, nowMs)
    this.#sql.exec('INSERT INTO welcome (user_id, slug) VALUES (?, ?)', userId, slug)
    return slug
  }

  endWelcome(userId: string): void {
    this.#sql.exec('UPDATE welcome SET done = 1 WHERE user_id = ?', userId)
  }

  /** Returns whether a new namespace can have the slug. */
  isFree(slug: string): boolean {
    return !RESERVED_SLUGS.has(slug) && !this.#isKnown(slug)
  }

  #isKnown(slug: string): boolean {
    return this.#slugs('SELECT slug FROM namespace WHERE slug = ?', slug).length > 0
  }

  #free(handle: string): string {
    const numbered = Array.from({ length: 20 }, (_, i) => (i === 0 ? handle : `${handle}-${i + 1}`))
    return numbered.find((slug) => this.isFree(slug)) ?? `${handle}-${crypto.randomUUID().slice(0, 8)}`
  }

  #slugs(sql: string, ...params: (string | number)[]): string[] {
    return [...this.#sql.exec(sql, ...params).raw()].map(([slug]) => slug as string)
  }
}

/** Returns the base of a slug for a user with this email address. */
export function suggestSlug(email: string): string {
  const words = (email.split('@')[0] ?? '')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
  const handle = words
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return handle || 'home'
}
