import { DurableObject } from 'cloudflare:workers'
import type { Api, Output } from '@persql/contract'
import { now, toIso } from '../clock.ts'
import type { Env } from '../env.ts'
import { getSettings } from '../settings.ts'
import { FileProcess, type LogResult } from '../storage/file-process.ts'
import { migrate } from '../storage/migrate.ts'
import { ACCOUNTS, Accounts, type KnownPerson, type Person } from './accounts.ts'
import { ATTEMPTS, Attempts } from './attempts.ts'
import { HOSTNAMES, type Hosted, Hostnames } from './hostnames.ts'
import { MEMBERSHIPS, Memberships } from './memberships.ts'
import { OAUTH_CLIENTS, OAuthClients } from './oauth-clients.ts'
import { type ReservedNamespace, WELCOME_CREDIT, WelcomeClaims } from './welcome-claims.ts'

/** The line that reports changes of namespaces or hostnames to the launcher. */
const ROUTING_CHANGED = JSON.stringify({ event: 'routing_changed' })

/** The first namespace of a new user. */
interface WelcomePlan extends ReservedNamespace {
  readonly first: boolean
}

/** The namespaces and accounts of this instance, with an index of memberships. Each instance has one such object. */
export class Directory extends DurableObject<Env> {
  readonly #accounts: Accounts
  readonly #memberships: Memberships
  readonly #hostnames: Hostnames
  readonly #oauthClients: OAuthClients
  readonly #attempts: Attempts
  readonly #welcomeClaims: WelcomeClaims
  readonly #process: FileProcess

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#process = new FileProcess({ ctx, env })
    this.#process.recover()
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
      ATTEMPTS,
      WELCOME_CREDIT,
    ])
    this.#accounts = new Accounts(ctx.storage.sql)
    this.#memberships = new Memberships(ctx.storage.sql)
    this.#hostnames = new Hostnames(ctx.storage.sql, () => this.#reportRouting())
    this.#oauthClients = new OAuthClients(ctx.storage.sql)
    this.#attempts = new Attempts(ctx.storage.sql)
    this.#welcomeClaims = new WelcomeClaims(ctx.storage, env, this.#accounts)
  }

  // --- namespaces --------------------------------------------------------------------------------------------------

  /** Returns whether the namespace exists. Check this first: calling a Durable Object creates its file. */
  has(slug: string): boolean {
    const found = this.ctx.storage.sql.exec(
      "SELECT 1 FROM namespace WHERE slug = ? AND id <> '' AND deleted_at IS NULL",
      slug,
    )
    return [...found].length > 0
  }

  add(slug: string, id: string): void {
    const { rowsWritten } = this.ctx.storage.sql.exec(
      `INSERT INTO namespace (slug, id, created_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET id = excluded.id WHERE id = ''`,
      slug,
      id,
      now(),
    )
    if (rowsWritten > 0) this.#reportRouting()
  }

  /** Returns whether the operator can use the slug for a namespace: it is free, or its namespace exists. */
  isOpenToOperator(slug: string): boolean {
    const [row] = this.ctx.storage.sql.exec('SELECT id, deleted_at FROM namespace WHERE slug = ?', slug)
    return row === undefined ? this.#memberships.isFree(slug) : row.id !== '' && row.deleted_at === null
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

  /**
   * Reserves a slug for a user, and decides whether its namespace gets the welcome credit. The user can repeat the call.
   * Returns it with the user's namespaces whose creation was interrupted.
   * @throws PerSQLError `slug_taken` or `too_many_namespaces`
   */
  async reserve(slug: string, userId: string): Promise<ReservedNamespace[]> {
    const person = await this.#welcomeClaims.identify(userId)
    return this.ctx.storage.transactionSync(() => {
      this.#memberships.assertCanFound(slug, userId, getSettings(this.env).maxNamespaces)
      this.#memberships.reserve(slug, userId, now())
      this.#welcomeClaims.decide(slug, person, now())
      return this.#welcomeClaims.listInterrupted(userId)
    })
  }

  /** Records the result of a namespace's daily check. */
  reconciled(slug: string, balanceNano: number, driftNano: number): void {
    this.ctx.storage.sql.exec(
      'UPDATE namespace SET balance_nano = ?, drift_nano = ?, reconciled_at = ? WHERE slug = ?',
      balanceNano,
      driftNano,
      now(),
      slug,
    )
  }

  /** Returns the state of the instance, without names. */
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
    this.#reportRouting()
  }

  /** Shortens the write-ahead log of the file, for the launcher. Calls wait in that time. */
  shortenLog(): Promise<LogResult> {
    return this.#process.shortenLog()
  }

  /** Makes the launcher write the files of reverse proxies again. It reads what this process writes to stderr. */
  #reportRouting(): void {
    if (this.env.PERSQL_CELLS) console.error(ROUTING_CHANGED)
  }

  // --- hostnames ---------------------------------------------------------------------------------------------------

  /** Returns the database that a verified hostname routes to. */
  hostname(host: string): Hosted | undefined {
    return this.#hostnames.hosted(host)
  }

  /** Claims to hostnames, for the namespaces. */
  get hostnames(): Hostnames {
    return this.#hostnames
  }

  /** Apps that registered themselves for OAuth. */
  get oauthClients(): OAuthClients {
    return this.#oauthClients
  }

  // --- people ------------------------------------------------------------------------------------------------------

  /** Runs a query of the account library. Only the Worker calls this, with the library's own SQL. */
  runAccountQuery(sql: string, params: readonly SqlStorageValue[]) {
    return this.#accounts.run(sql, params)
  }

  /**
   * Counts an attempt to sign in and returns 0, or returns the number of seconds until the next attempt is allowed.
   * @param key the client's network and the route
   */
  countAttempt(key: string, max: number, windowS: number): number {
    return this.#attempts.take(key, { max, windowS }, now())
  }

  people(ids: readonly string[]): Person[] {
    return this.#accounts.people(ids)
  }

  personByEmail(email: string): KnownPerson | undefined {
    return this.#accounts.byEmail(email)
  }

  /** Returns whether no account exists yet, and whether this email address is invited. */
  standing(email: string): { first: boolean; invited: boolean } {
    return { first: this.#accounts.first() === undefined, invited: this.#memberships.isInvited(email.toLowerCase()) }
  }

  /** Returns the namespace to create for a new user, and whether it is the first user. `undefined` if that is done. */
  async beginWelcome(userId: string, handle: string): Promise<WelcomePlan | undefined> {
    const person = await this.#welcomeClaims.identify(userId)
    return this.ctx.storage.transactionSync(() => {
      const slug = this.#memberships.beginWelcome(userId, handle, now())
      if (slug === undefined) return undefined
      const credit = this.#welcomeClaims.decide(slug, person, now())
      return { slug, credit, first: this.#accounts.first() === userId }
    })
  }

  endWelcome(userId: string): void {
    this.#memberships.endWelcome(userId)
  }

  /** Returns the namespaces that the index has for a user. Each namespace decides itself about its members. */
  listNamespaces(userId: string): string[] {
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
