import { DurableObject } from 'cloudflare:workers'
import type { Api, Output } from '@persql/contract'
import { now, toIso } from '../clock.ts'
import type { Env } from '../env.ts'
import { migrate } from '../storage/migrate.ts'
import { ACCOUNTS, Accounts, type Person } from './accounts.ts'
import { HOSTNAMES, type Hosted, Hostnames } from './hostnames.ts'
import { MEMBERSHIPS, Memberships } from './memberships.ts'
import { OAUTH_CLIENTS, OAuthClients } from './oauth-clients.ts'

/** Which namespaces and accounts this instance has, and who is likely to be found where. One object for all. */
export class Directory extends DurableObject<Env> {
  readonly #accounts: Accounts
  readonly #memberships: Memberships
  readonly #hostnames: Hostnames
  readonly #oauthClients: OAuthClients

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    migrate(ctx.storage, [
      {
        name: 'namespaces',
        sql: 'CREATE TABLE namespace (slug TEXT PRIMARY KEY, id TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT',
      },
      ACCOUNTS,
      MEMBERSHIPS,
      {
        name: 'reconciliations',
        sql: `
          ALTER TABLE namespace ADD COLUMN balance_nano INTEGER;
          ALTER TABLE namespace ADD COLUMN drift_nano INTEGER;
          ALTER TABLE namespace ADD COLUMN reconciled_at INTEGER;
        `,
      },
      HOSTNAMES,
      OAUTH_CLIENTS,
    ])
    this.#accounts = new Accounts(ctx.storage.sql)
    this.#memberships = new Memberships(ctx.storage.sql)
    this.#hostnames = new Hostnames(ctx.storage.sql)
    this.#oauthClients = new OAuthClients(ctx.storage.sql)
  }

  // --- namespaces --------------------------------------------------------------------------------------------------

  /** Whether there is such a namespace: asked before its object is, because asking an object makes it a file. */
  has(slug: string): boolean {
    const found = this.ctx.storage.sql.exec(
      "SELECT 1 FROM namespace WHERE slug = ? AND id <> '' AND deleted_at IS NULL",
      slug,
    )
    return [...found].length > 0
  }

  add(slug: string, id: string): void {
    this.ctx.storage.sql.exec(
      `INSERT INTO namespace (slug, id, created_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET id = excluded.id WHERE id = ''`,
      slug,
      id,
      now(),
    )
  }

  /** Whether the slug may be given to a namespace made by the operator: it is free, or such a namespace is there. */
  isOpenToOperator(slug: string): boolean {
    const [row] = this.ctx.storage.sql.exec('SELECT id, deleted_at FROM namespace WHERE slug = ?', slug)
    return row === undefined || (row.id !== '' && row.deleted_at === null)
  }

  list(): { id: string; slug: string; createdAt: string }[] {
    return [
      ...this.ctx.storage.sql.exec(
        "SELECT slug, id, created_at FROM namespace WHERE id <> '' AND deleted_at IS NULL ORDER BY slug",
      ),
    ].map((row) => ({
      id: row.id as string,
      slug: row.slug as string,
      createdAt: toIso(row.created_at as number),
    }))
  }

  /** @throws PerSQLError `slug_taken` */
  reserve(slug: string, userId: string): void {
    this.#memberships.reserve(slug, userId, now())
  }

  /** Takes what a namespace's daily check of its sums gave. */
  reconciled(slug: string, balanceNano: number, driftNano: number): void {
    this.ctx.storage.sql.exec(
      'UPDATE namespace SET balance_nano = ?, drift_nano = ?, reconciled_at = ? WHERE slug = ?',
      balanceNano,
      driftNano,
      now(),
      slug,
    )
  }

  /** How the instance stands, without names. */
  status(): Output<Api['get_status']> {
    const { namespaces, drifting, at } = this.ctx.storage.sql
      .exec<{ namespaces: number; drifting: number; at: number | null }>(
        `SELECT count(*) AS namespaces, count(nullif(drift_nano, 0)) AS drifting, max(reconciled_at) AS at
         FROM namespace WHERE id <> '' AND deleted_at IS NULL`,
      )
      .one()
    return {
      ok: drifting === 0,
      namespaces,
      drifting,
      lastReconcileAt: toIso(at),
    }
  }

  remove(slug: string): void {
    this.#memberships.remove(slug, now())
    this.#hostnames.dropNamespace(slug)
  }

  // --- hostnames ---------------------------------------------------------------------------------------------------

  /** Where requests to a hostname go, once it was proved. */
  hostname(host: string): Hosted | undefined {
    return this.#hostnames.hosted(host)
  }

  /** Claims to hostnames, for the namespaces that make them. */
  get hostnames(): Hostnames {
    return this.#hostnames
  }

  /** Apps that registered themselves, for OAuth. */
  get oauthClients(): OAuthClients {
    return this.#oauthClients
  }

  // --- people ------------------------------------------------------------------------------------------------------

  /** A query of the account library's. Only the Worker calls this, and only with SQL the library made. */
  runAccountQuery(sql: string, params: readonly SqlStorageValue[]) {
    return this.#accounts.run(sql, params)
  }

  people(ids: readonly string[]): Person[] {
    return this.#accounts.people(ids)
  }

  personByEmail(email: string): Person | undefined {
    return this.#accounts.byEmail(email)
  }

  /** Whether nobody has an account yet, and whether this address has been invited. */
  standing(email: string): { first: boolean; invited: boolean } {
    return { first: this.#accounts.first() === undefined, invited: this.#memberships.isInvited(email.toLowerCase()) }
  }

  /** What is to be made for somebody who signed in: a namespace of this slug, and whether theirs is the first account. */
  beginWelcome(userId: string, handle: string): { slug: string; first: boolean } | undefined {
    const slug = this.#memberships.beginWelcome(userId, handle, now())
    return slug === undefined ? undefined : { slug, first: this.#accounts.first() === userId }
  }

  endWelcome(userId: string): void {
    this.#memberships.endWelcome(userId)
  }

  /** Namespaces that may have somebody as a member: each of them has the last word. */
  namespacesOf(userId: string): string[] {
    return this.#memberships.of(userId)
  }

  join(userId: string, slug: string): void {
    this.#memberships.join(userId, slug)
  }

  leave(userId: string, slug: string): void {
    this.#memberships.leave(userId, slug)
  }

  invite(email: string, slug: string): void {
    this.#memberships.invite(email, slug)
  }

  uninvite(email: string, slug: string): void {
    this.#memberships.uninvite(email, slug)
  }
}
