import { DurableObject } from 'cloudflare:workers'
import type { Api, Database, DatabaseSort, Listed, Membership, Output, Paging, WelcomeCredit } from '@persql/contract'
import { now } from '../clock.ts'
import type { NamespaceCalls } from '../database/calls/neighbors.ts'
import type { LeaseAnswer } from '../database/metering/lease-calls.ts'
import type { Report } from '../database/metering/meter.ts'
import type { AuditEvent } from '../database/review/audit-outbox.ts'
import type { WelcomeDecision } from '../directory/welcome-claims.ts'
import type { Env } from '../env.ts'
import type { Totals } from '../money.ts'
import type { Audience } from '../oauth-server/server.ts'
import type { Serves } from '../remote.ts'
import type { Selection } from '../selection.ts'
import { FileProcess, type LogResult } from '../storage/file-process.ts'
import { migrate } from '../storage/migrate.ts'
import type { AuditEntry } from './audit.ts'
import type { Standing } from './credit/billing.ts'
import type { PaymentLedger } from './credit/payment-ledger.ts'
import type { Transfers } from './credit/transfers.ts'
import type { Branches } from './databases/branches.ts'
import type { DetailChanges } from './databases/database-details.ts'
import type { DatabaseSelection } from './databases/database-list.ts'
import type { Hostnames } from './databases/hostnames.ts'
import type { WakeUps } from './databases/wake-ups.ts'
import type { MemberService } from './members/member-service.ts'
import type { Quotas } from './quotas/quotas.ts'
import { NAMESPACE_SCHEMA } from './schema.ts'
import { createServices, type NamespaceServices } from './services.ts'
import type { Caller, MemberAccess } from './tokens/admission.ts'
import type { ConnectedApps } from './tokens/connected-apps.ts'
import type { Credentials } from './tokens/credentials.ts'
import type { Secret } from './tokens/tokens.ts'

/**
 * The Durable Object of one tenant: its tokens, its databases and its money. Methods are the calls that it serves; its
 * services do the work.
 */
export class Namespace extends DurableObject<Env> implements Serves<NamespaceCalls> {
  readonly #services: NamespaceServices
  readonly #process: FileProcess

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#process = new FileProcess({ ctx, env })
    this.#process.recover()
    this.#services = createServices(ctx, env)
    const { identity, alarm, timers, files, restored } = this.#services
    if (identity.known) {
      migrate(ctx.storage, NAMESPACE_SCHEMA)
      restored.begin()
      files.count()
    }
    alarm.restore(() => timers.nextMs)
  }

  override async alarm(): Promise<void> {
    await this.runTimers()
  }

  /** Runs due timers by PerSQL's clock. Tests that change the clock call it too. */
  async runTimers(): Promise<void> {
    await this.#services.timers.run()
  }

  /**
   * Returns the caller whose secret has this hash. With `database`, also checks that the database exists, and creates
   * it if `creates` is set and the caller is an admin whose databases include new ones with this slug. `origin` is that of the calling page.
   * @throws PerSQLError `token_unknown`, `origin_not_allowed`, `token_audience`, `token_pinned`, `database_not_found` or
   * `too_many_databases`
   */
  authenticate(
    hash: string,
    database: string | undefined,
    at: Audience,
    creates: boolean,
    origin: string | undefined,
  ): Caller {
    return this.#services.admission.authenticate(hash, database, at, creates, origin)
  }

  /**
   * Returns the role of a member in the namespace, or in one of its databases. `slug` names the namespace in an error.
   * @throws PerSQLError `namespace_not_found` for people who aren't members, `database_not_found`
   */
  access(userId: string, database?: string, slug?: string): MemberAccess {
    return this.#services.admission.access(userId, database, slug)
  }

  /** Returns the namespace from a member's view. @throws PerSQLError `namespace_not_found` */
  membership(userId: string): Membership {
    return this.#services.admission.membership(userId)
  }

  /** Tokens. Check the caller's access before you use this service. */
  get credentials(): Credentials {
    return this.#services.credentials
  }

  /** Apps that members authorized. */
  get apps(): ConnectedApps {
    return this.#services.apps
  }

  /** Members, invitations and shares. Check the caller's access before you use this service. */
  get people(): MemberService {
    return this.#services.people
  }

  /**
   * Creates the namespace with its welcome credit, and the database, unless they exist. Always creates an admin token.
   */
  ensure(slug: string, database: string, tokenName: string, secret: Secret): Output<Api['create_namespace']> {
    return this.#services.bootstrap.ensure(slug, database, tokenName, secret)
  }

  /**
   * Creates the namespace for its first owner. The Directory decides about the welcome credit. The same owner can repeat
   * an interrupted call.
   * @throws PerSQLError `slug_taken`
   */
  initialize(slug: string, userId: string, credit: WelcomeDecision, database?: string): MemberAccess {
    return this.#services.founding.found(slug, userId, credit, database)
  }

  /** Makes a user the owner of a namespace that the operator created and that has no members. */
  claimForFirstAccount(userId: string): void {
    this.#services.founding.adopt(userId)
  }

  /** Deletes the namespace. As soon as it returns, all calls are refused. Ledger and audit log are kept. */
  async delete(actor: string): Promise<void> {
    await this.#services.deletion.delete(actor)
  }

  /** Suspends the namespace. As soon as it returns, all calls are refused except billing. Data is unchanged. */
  async suspend(note: string): Promise<void> {
    await this.#services.suspension.suspend(note)
  }

  resume(note: string): void {
    this.#services.suspension.resume(note)
  }

  /** Returns a page of the databases, or all of them. @throws PerSQLError `invalid_input` for an invalid cursor */
  listDatabases(
    paging: Paging = {},
    selection: DatabaseSelection = { opens: null },
    sort: DatabaseSort = 'slug',
  ): Listed<Database> {
    return this.#services.databases.page(selection, sort, paging)
  }

  hasDatabase(slug: string): boolean {
    const { identity, databases } = this.#services
    return identity.known !== undefined && databases.has(slug)
  }

  /** Returns one of the selected databases; `null` selects all. @throws PerSQLError `database_not_found`, `token_pinned` */
  getDatabase(slug: string, selection: Selection | null = null): Database {
    return this.#services.databaseService.get(slug, selection)
  }

  /**
   * Creates a database whose slug is selected; `null` selects all.
   * @throws PerSQLError `invalid_input`, `slug_taken`, `database_deleting`, `too_many_databases` or `token_pinned`
   */
  createDatabase(
    slug: string,
    name: string,
    actor: string,
    details: DetailChanges = {},
    selection: Selection | null = null,
  ): Database {
    return this.#services.databaseService.create(slug, name, actor, details, selection)
  }

  /** Changes the details of a database. @throws PerSQLError `database_not_found` or `invalid_input` */
  updateDatabase(slug: string, changes: DetailChanges, actor: string): Promise<Database> {
    return this.#services.databaseService.update(slug, changes, actor)
  }

  /**
   * Deletes a database, its branches, and the tokens that are limited to one of them.
   * @throws PerSQLError `database_not_found`, `token_pinned` if it isn't selected, or `delete_protected`
   */
  async deleteDatabase(slug: string, actor: string, selection: Selection | null = null): Promise<void> {
    const { databaseService } = this.#services
    databaseService.get(slug, selection)
    await databaseService.delete(slug, actor)
  }

  /** Branches of the databases. Check the caller's access before you use this service. */
  get branches(): Branches {
    return this.#services.branches
  }

  /** Custom hostnames of the databases. Check the caller's access before you use this service. */
  get hostnames(): Hostnames {
    return this.#services.hostnames
  }

  /** The quotas. Only the operator can change them. */
  get quotas(): Quotas {
    return this.#services.quotas
  }

  /** The alarms of databases and their copies, on a single machine. */
  get wakeUps(): WakeUps {
    return this.#services.wakeUps
  }

  /**
   * Settles the counters of a database and allocates new credit.
   * @throws PerSQLError `database_not_found` or `namespace_suspended`
   */
  lease(slug: string, id: string | undefined, report: Report): Promise<LeaseAnswer> {
    return this.#services.leases.lease(slug, id, report)
  }

  /** Settles counters that the file of a database doesn't have yet. Returns the counters on record, if it is known. */
  settle(id: string, report: Report): Totals | undefined {
    return this.#services.leases.settle(id, report)
  }

  /** Records that SQLite can't read the file of a database. */
  reportDamage(slug: string, cause: string): void {
    const { databases, files } = this.#services
    const record = databases.find(slug)
    if (record) files.report(record, 'corrupt', cause)
  }

  /** Records that a folder is in the place of a database's file. Returns whether there is one. */
  async reportFolder(slug: string, cause: string): Promise<boolean> {
    const { databases, files } = this.#services
    const record = databases.find(slug)
    return record ? files.reportFolder(record, cause) : false
  }

  /**
   * Serves the file of a damaged database as it is, after the operator repaired it or decided to use it.
   * @throws PerSQLError `database_not_found`
   */
  acceptFile(slug: string, note: string): void {
    const { databases, files, audit } = this.#services
    files.accept(databases.existing(slug))
    audit.add('operator', 'database.file_accepted', slug, { note }, now())
  }

  /**
   * Finishes the reconciliation after the data folder was restored from a backup. `deleted` are the databases that were
   * deleted during the backup. Returns whether all databases answered.
   */
  async finishRestore(deleted: readonly string[]): Promise<boolean> {
    const { identity, restored } = this.#services
    // The backup can have no file of a namespace that was damaged.
    return identity.known === undefined || restored.finish(deleted)
  }

  /** Reclaims the credit that a database returns, unless it has a newer lease. `wakeAtMs` is the time of its next timer. */
  release(slug: string, id: string, version: number, report: Report, wakeAtMs?: number): void {
    this.#services.leases.release(slug, id, version, report, wakeAtMs)
  }

  /** Records audit events of a database in the audit log, each event once. */
  recordAuditEvents(databaseId: string, events: readonly AuditEvent[]): void {
    this.#services.databaseAudit.take(databaseId, events)
  }

  listAudit(limit: number, before?: number, action?: string): AuditEntry[] {
    return this.#services.audit.list(limit, before, action)
  }

  /** Bills a request that reaches no database. @throws PerSQLError `insufficient_balance`, `namespace_suspended` */
  async charge(): Promise<void> {
    await this.#services.billing.charge()
  }

  /** Returns the usage from one UTC day to another. */
  usage(from: string, to: string): Promise<Output<Api['get_usage']>> {
    return this.#services.billing.usage(from, to)
  }

  /** Returns the balance, with ledger entries older than `before`. */
  billing(limit: number, before?: number): Promise<Output<Api['get_billing']>> {
    return this.#services.billing.statement(limit, before)
  }

  /** Returns the credit that the namespace started with, or why it has none. */
  welcomeCredit(): WelcomeCredit {
    return this.#services.billing.welcomeCredit()
  }

  /** Returns the state from the current figures, without usage that databases haven't reported yet. */
  standing(): Standing {
    return this.#services.billing.standing()
  }

  /** Top-ups, refunds, disputes and adjustments. */
  get payments(): PaymentLedger {
    return this.#services.payments
  }

  /** Shortens the write-ahead log of the file, for the launcher. Calls wait in that time. */
  shortenLog(): Promise<LogResult> {
    return this.#process.shortenLog()
  }

  /** Moves balance between namespaces of one owner. */
  get transfers(): Transfers {
    return this.#services.transfers
  }
}
