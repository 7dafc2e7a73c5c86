import { DurableObject } from 'cloudflare:workers'
import {
  type Api,
  type Database,
  type Listed,
  type MemberRole,
  type Membership,
  type Output,
  type Paging,
  PerSQLError,
} from '@persql/contract'
import { derive } from '../authority.ts'
import { now, toIso } from '../clock.ts'
import type { Deed } from '../database/audit-outbox.ts'
import type { LeaseAnswer } from '../database/lease.ts'
import type { Report } from '../database/meter.ts'
import type { NamespaceCalls } from '../database/neighbors.ts'
import type { Env } from '../env.ts'
import { NOTHING, usd } from '../money.ts'
import type { Audience } from '../oauth/server.ts'
import { databaseObject, directoryObject } from '../objects.ts'
import type { Serves } from '../remote.ts'
import { settingsOf } from '../settings.ts'
import { migrate } from '../storage/migrate.ts'
import { Timers } from '../storage/timers.ts'
import { balance } from './account.ts'
import { Apps } from './apps.ts'
import { Audit, type AuditEntry } from './audit.ts'
import { Branches } from './branches.ts'
import { Credentials } from './credentials.ts'
import { Databases, type Record } from './databases.ts'
import { Deletions } from './deletions.ts'
import { Hostnames } from './hostnames.ts'
import { dayOf, Ledger } from './ledger.ts'
import { Lending } from './lending.ts'
import { Lineage } from './lineage.ts'
import { LowBalance } from './low-balance.ts'
import { type Actor, Members } from './members.ts'
import { Payments } from './payments.ts'
import { People } from './people.ts'
import { NAMESPACE_SCHEMA } from './schema.ts'
import { type Secret, type TokenGrant, Tokens } from './tokens.ts'
import { TopUps } from './top-ups.ts'

interface Identity {
  readonly id: string
  readonly slug: string
  readonly createdAtMs: number
  readonly deletedAtMs?: number
  readonly suspended?: true
}

/** The caller with a token, and its namespace. */
export interface Caller extends TokenGrant {
  readonly namespaceId: string
  /** IDs of the only databases it opens, or `null` for all. */
  readonly opens: readonly string[] | null
  /** Of an app's token: the role of its member. */
  readonly memberRole?: MemberRole
  /** What the creations of the caller end with: the key of its secret, or its grant. */
  readonly minter: string
  /** When they end at the latest. */
  readonly minterEndsAtMs: number | null
}

/** A member who calls, with what that person is in the database asked about. */
export interface MemberAccess extends Actor {
  readonly namespaceId: string
}

/** How a namespace stands, for the operator. */
export interface Standing {
  readonly status: 'active' | 'suspended'
  readonly balanceNano: number
  readonly driftNano: number
}

/** One tenant: its tokens, its databases, and its money. */
export class Namespace extends DurableObject<Env> implements Serves<NamespaceCalls> {
  readonly #tokens: Tokens
  readonly #databases: Databases
  readonly #lending: Lending
  readonly #audit: Audit
  readonly #members: Members
  readonly #people: People
  readonly #apps: Apps
  readonly #credentials: Credentials
  readonly #hostnames: Hostnames
  readonly #lineage: Lineage
  readonly #branches: Branches
  readonly #deletions: Deletions
  readonly #payments: Payments
  readonly #timers: Timers<
    'close-day' | 'finish-deletions' | 'warn-low-balance' | 'release-hostnames' | 'expire-databases'
  >
  #identity: Identity | undefined
  #openLedger: Ledger | undefined
  #closing: Promise<void> | undefined
  readonly #lowBalance: LowBalance

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#tokens = new Tokens(ctx.storage.sql)
    this.#databases = new Databases(ctx.storage.sql)
    this.#audit = new Audit(ctx.storage.sql)
    this.#lending = new Lending({
      storage: ctx.storage,
      databases: this.#databases,
      ledger: () => this.#ledger,
      stub: (slug) => this.#stub(slug),
      spent: () => this.#checkBalance(),
      abort: (reason) => ctx.abort(reason),
    })
    this.#members = new Members(ctx.storage.sql)
    this.#apps = new Apps({
      storage: ctx.storage,
      env,
      tokens: this.#tokens,
      members: this.#members,
      databases: this.#databases,
      audit: this.#audit,
      slug: () => this.#identity?.slug ?? '',
      refuse: (keys) => this.#refuse(keys),
    })
    this.#people = new People(ctx.storage, this.#members, this.#databases, this.#audit, this.#apps)
    this.#timers = new Timers(ctx.storage, {
      'close-day': () => this.#closeDay(),
      'finish-deletions': () => this.#finishDeletions(),
      'warn-low-balance': (nowMs) => this.#warn(nowMs),
      'release-hostnames': () => this.#hostnames.release(),
      'expire-databases': (nowMs) => this.#expireDatabases(nowMs),
    })
    this.#hostnames = new Hostnames({
      storage: ctx.storage,
      env,
      databases: this.#databases,
      audit: this.#audit,
      slug: () => this.#identity?.slug ?? '',
      releaseAt: (atMs) => this.#timers.set('release-hostnames', atMs),
    })
    this.#lineage = new Lineage(ctx.storage.sql)
    this.#deletions = new Deletions({
      env,
      databases: this.#databases,
      lineage: this.#lineage,
      hostnames: this.#hostnames,
      lending: this.#lending,
      namespace: () => this.#identity?.slug ?? '',
      finishAt: (atMs) => this.#timers.set('finish-deletions', atMs),
    })
    this.#credentials = new Credentials({
      storage: ctx.storage,
      tokens: this.#tokens,
      apps: this.#apps,
      databases: this.#databases,
      lineage: this.#lineage,
      audit: this.#audit,
      refuse: (keys) => this.#refuse(keys),
    })
    this.#branches = new Branches({
      storage: ctx.storage,
      env,
      databases: this.#databases,
      lineage: this.#lineage,
      tokens: this.#tokens,
      credentials: this.#credentials,
      audit: this.#audit,
      slug: () => this.#identity?.slug ?? '',
      stub: (slug) => this.#stub(slug),
      delete: (slug, actor, action) => this.deleteDatabase(slug, actor, action),
      sweepAt: (atMs) => this.#timers.set('expire-databases', atMs),
    })
    this.#identity = ctx.storage.kv.get<Identity>('identity')
    this.#lowBalance = new LowBalance(ctx.storage.kv, env, (atMs) => this.#timers.set('warn-low-balance', atMs))
    this.#payments = new Payments({
      storage: ctx.storage,
      ledger: () => this.#ledger,
      topUps: new TopUps(ctx.storage.sql),
      audit: this.#audit,
      lowBalance: this.#lowBalance,
      settled: () => this.#lending.cover(),
      abort: (reason) => ctx.abort(reason),
    })
    if (this.#identity) migrate(ctx.storage, NAMESPACE_SCHEMA)
  }

  override async alarm(): Promise<void> {
    await this.#timers.run(now())
  }

  // --- the operator ------------------------------------------------------------------------------------------------

  /** Makes the namespace, with its welcome credit, and the database, unless they exist, and mints an admin token. */
  ensure(slug: string, database: string, tokenName: string, secret: Secret): Output<Api['create_namespace']> {
    const nowMs = now()
    const created = this.#identity === undefined
    this.#identity ??= this.#create(slug, 'operator', nowMs)
    if (!this.#databases.has(database)) this.#databases.add(database, database, nowMs)
    const authority = derive(null, { role: 'admin' })
    const token = this.#tokens.add(secret, { name: tokenName, ...authority, mintedBy: null }, nowMs)
    this.#audit.add('operator', 'token.created', token.id, { name: tokenName, role: 'admin' }, nowMs)
    return { namespace: { id: this.#identity.id, slug }, database: { slug: database }, token, created }
  }

  #create(slug: string, actor: string, nowMs: number): Identity {
    migrate(this.ctx.storage, NAMESPACE_SCHEMA)
    const identity = { id: `ns_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`, slug, createdAtMs: nowMs }
    this.ctx.storage.kv.put('identity', identity)
    const { welcomeCreditNano } = settingsOf(this.env)
    if (welcomeCreditNano > 0) this.#ledger.enter('welcome_credit', welcomeCreditNano, 'welcome', {}, nowMs)
    this.#ledger.close(nowMs)
    this.#timers.set('close-day', nextMidnight(nowMs))
    this.#audit.add(actor, 'namespace.created', slug, {}, nowMs)
    return identity
  }

  // --- callers -----------------------------------------------------------------------------------------------------

  /**
   * Returns the caller whose secret has this hash. With `database`, also checks that the database exists, and creates it
   * if `creates` is set and the caller is an admin of the whole namespace.
   * @throws PerSQLError `token_unknown`, `token_audience`, `token_pinned` or `database_not_found`
   */
  authenticate(hash: string, database: string | undefined, at: Audience, creates: boolean): Caller {
    const nowMs = now()
    if (!this.#identity || this.#identity.deletedAtMs) throw new PerSQLError('token_unknown')
    this.#apps.endLapsed()
    const { id: tokenId, secretId, app, role, tableScope, expiresAtMs, opens } = this.#tokens.byHash(hash, nowMs)
    const minter = app
      ? { minter: app.grantId, minterEndsAtMs: null }
      : { minter: secretId, minterEndsAtMs: expiresAtMs }
    const namespaceId = this.#identity.id
    const known = { tokenId, secretId, role, tableScope, expiresAtMs, opens, namespaceId, ...minter }
    const id = database === undefined ? undefined : this.#databases.find(database)?.id
    const caller = app ? { ...known, ...this.#apps.capped(app, role, id, at) } : known
    if (database !== undefined && opens !== null) {
      if (id === undefined || !opens.includes(id)) throw new PerSQLError('token_pinned')
    } else if (database !== undefined && !this.#databases.has(database)) {
      if (!creates || caller.role !== 'admin' || tableScope !== null)
        throw new PerSQLError('database_not_found', { database })
      this.#databases.add(database, database, nowMs)
    }
    return caller
  }

  /** Charges one request that reaches no database. @throws PerSQLError `insufficient_balance` */
  async charge(): Promise<void> {
    if (this.#identity?.suspended) throw new PerSQLError('namespace_suspended')
    await this.#lending.refuseEmpty()
    this.#ledger.debit('', '', { ...NOTHING, requests: 1 })
    this.#checkBalance()
  }

  /** Resolves when every database that serves refuses these keys. */
  async #refuse(keys: readonly string[]): Promise<void> {
    await this.#lending.each(this.#databases.holders(), (record) => this.#stub(record.slug).revoke(keys))
  }

  listDatabases(paging: Paging = {}, ids: readonly string[] | null = null): Listed<Database> {
    return this.#databases.page(paging, ids)
  }

  hasDatabase(slug: string): boolean {
    return this.#identity !== undefined && this.#databases.has(slug)
  }

  getDatabase(slug: string): Database {
    return this.#databases.get(slug)
  }

  createDatabase(slug: string, name: string, actor: string): Database {
    const nowMs = now()
    const database = this.#databases.add(slug, name, nowMs)
    this.#audit.add(actor, 'database.created', slug, {}, nowMs)
    return database
  }

  /** Deletes a database, its branches, and the tokens that open one of them alone. */
  async deleteDatabase(slug: string, actor: string, action = 'database.deleted'): Promise<void> {
    const nowMs = now()
    const { id, status } = this.#databases.get(slug)
    const ids = [id, ...this.#lineage.branches(id).map(({ databaseId }) => databaseId)]
    this.ctx.storage.transactionSync(() => {
      if (status !== 'deleting') this.#audit.add(actor, action, slug, {}, nowMs)
      for (const leaving of ids) {
        this.#databases.markLeaving(leaving)
        this.#tokens.revoke(this.#tokens.pinnedTo(leaving), nowMs)
      }
    })
    // Should this be cut off, the timer finishes it.
    this.#timers.set('finish-deletions', nowMs + 30_000)
    await this.#deletions.finish(ids)
  }

  /** `from` and `to` are UTC days. */
  async usage(from: string, to: string): Promise<Output<Api['get_usage']>> {
    await this.#lending.collect()
    const spend = this.#ledger.spend()
    const costNano = Object.values(spend).reduce((sum, { costUsd }) => sum + Math.round(costUsd * 1e9), 0)
    return {
      spend,
      costUsd: usd(costNano),
      databases: this.#ledger.byDatabase(),
      days: this.#ledger.history(from, to),
      tokens: this.#ledger.tokenHistory(from, to),
    }
  }

  /** With entries of the ledger older than `before`. */
  async billing(limit: number, before?: number): Promise<Output<Api['get_billing']>> {
    await this.#lending.collect()
    const balanceNano = balance(this.#ledger.account)
    return {
      balanceUsd: usd(balanceNano),
      balanceNanoUsd: String(balanceNano),
      spend: this.#ledger.spend(),
      ledger: this.#ledger.entries(limit, before),
    }
  }

  // --- people ------------------------------------------------------------------------------------------------------

  /** Makes the namespace for its first owner; once more for the same one, should that have been cut off. */
  found(slug: string, userId: string, database?: string): MemberAccess {
    const nowMs = now()
    if (this.#identity && this.#members.find(userId)?.role !== 'owner') throw new PerSQLError('slug_taken', { slug })
    return this.ctx.storage.transactionSync(() => {
      this.#identity ??= this.#create(slug, `user:${userId}`, nowMs)
      this.#members.put(userId, 'owner', nowMs)
      if (database && !this.#databases.has(database)) this.createDatabase(database, database, `user:${userId}`)
      return this.access(userId)
    })
  }

  /** Gives a namespace that the operator made, and that has nobody yet, its owner. */
  adopt(userId: string): void {
    if (!this.#identity || this.#members.list().length > 0) return
    this.#members.put(userId, 'owner', now())
    this.#audit.add('system', 'member.added', userId, { role: 'owner' }, now())
  }

  /**
   * What somebody is here, or in one database of it.
   * @throws PerSQLError `namespace_not_found` for those who are no members, `database_not_found`
   */
  access(userId: string, database?: string): MemberAccess {
    const member = this.#identity?.deletedAtMs ? undefined : this.#identity && this.#members.find(userId)
    if (!member || !this.#identity)
      throw new PerSQLError('namespace_not_found', { namespace: this.#identity?.slug ?? '' })
    const role =
      database === undefined ? member.role : this.#members.roleIn(this.#databases.existing(database).id, member)
    return { userId, role, namespaceId: this.#identity.id }
  }

  /** The namespace as one of its members sees it. @throws PerSQLError `namespace_not_found` */
  membership(userId: string): Membership {
    const { role } = this.access(userId)
    const { id, slug, createdAtMs } = this.#identity as Identity
    const shared = this.#members.sharedWith({ userId, role }).flatMap((one) => this.#databases.listed(one)?.slug ?? [])
    const createdAt = toIso(createdAtMs)
    return { id, slug, role, status: this.standing().status, createdAt, edits: shared.sort() }
  }

  /** What members do about members, for those whose access was asked about before. */
  get people(): People {
    return this.#people
  }

  /** Apps that members let in. */
  get apps(): Apps {
    return this.#apps
  }

  /** Tokens, for callers and members whose access was checked before. */
  get credentials(): Credentials {
    return this.#credentials
  }

  /** Branches of its databases, likewise. */
  get branches(): Branches {
    return this.#branches
  }

  /** What leads to its databases, for those whose access was asked about before. */
  get hostnames(): Hostnames {
    return this.#hostnames
  }

  /** Money that comes and goes. */
  get payments(): Payments {
    return this.#payments
  }

  /** Enters what was done in a database, each deed once however often it is told. */
  takeDeeds(databaseId: string, deeds: readonly Deed[]): void {
    const key = `deeds/${databaseId}`
    this.ctx.storage.transactionSync(() => {
      const known = this.ctx.storage.kv.get<number>(key) ?? 0
      const fresh = deeds.filter(({ number }) => number > known)
      for (const { actor, action, target, detail, atMs } of fresh) this.#audit.add(actor, action, target, detail, atMs)
      const last = fresh.at(-1)
      if (last) this.ctx.storage.kv.put(key, last.number)
    })
  }

  listAudit(limit: number, before?: number, action?: string): AuditEntry[] {
    return this.#audit.list(limit, before, action)
  }

  /** Ends the namespace: from the answer on nobody gets in. Ledger and audit log stay. */
  async delete(actor: string): Promise<void> {
    const { slug } = this.#identity as Identity
    const nowMs = now()
    this.ctx.storage.transactionSync(() => {
      this.#identity = { ...(this.#identity as Identity), deletedAtMs: nowMs }
      this.ctx.storage.kv.put('identity', this.#identity)
      for (const { id } of this.#databases.list()) this.#databases.markLeaving(id)
      this.#members.clear()
      this.#audit.add(actor, 'namespace.deleted', slug, {}, nowMs)
      this.#timers.set('finish-deletions', nowMs + 30_000)
    })
    await this.#finishDeletions()
  }

  // --- databases ---------------------------------------------------------------------------------------------------

  /**
   * Takes a database's counters and lends it credit anew; with a foreign or no `id` the counters are another's and do
   * not count. @throws PerSQLError `database_not_found`
   */
  async lease(slug: string, id: string | undefined, report: Report): Promise<LeaseAnswer> {
    const asked = this.#healthy(slug)
    // The timer closes the day; this is for when it could not, because nothing was running.
    if (dayOf(now()) > this.#ledger.day) this.ctx.waitUntil(this.#closeDay())
    if (id === asked.id) this.#lending.settle(asked, report)
    const lent = await this.#lending.lend(() => this.#healthy(slug))
    return { ...lent, revoked: this.#tokens.recentlyEnded(now()) }
  }

  #healthy(slug: string): Record {
    // Before it is made, a namespace has no tables to ask.
    if (!this.#identity) throw new PerSQLError('database_not_found', { database: slug })
    const record = this.#databases.existing(slug)
    if (this.#identity.suspended) throw new PerSQLError('namespace_suspended')
    return record
  }

  /** Takes back what a database does not use, unless it was lent more since. */
  release(slug: string, id: string, version: number, report: Report): void {
    const record = this.#identity && this.#databases.find(slug)
    if (record?.id !== id) return
    this.#lending.release(record, version, report)
  }

  get #ledger(): Ledger {
    this.#openLedger ??= new Ledger(this.ctx.storage)
    return this.#openLedger
  }

  async #finishDeletions(): Promise<void> {
    await this.#deletions.finishAll()
    const { slug, deletedAtMs } = this.#identity as Identity
    if (deletedAtMs) await directoryObject(this.env).remove(slug)
  }

  // --- the day's close ---------------------------------------------------------------------------------------------

  /**
   * Closes the days that are over: brings counters up to date, samples storage, posts what was used and checks the sums.
   * Each step may be repeated, so whatever cuts it off, the next round finishes it.
   */
  #closeDay(): Promise<void> {
    this.#closing ??= this.#close(now()).finally(() => {
      this.#closing = undefined
    })
    return this.#closing
  }

  async #close(nowMs: number): Promise<void> {
    if (dayOf(nowMs) > this.#ledger.day) {
      await this.#lending.collect()
      const midnightMs = Date.parse(dayOf(nowMs))
      await this.#lending.each(this.#databases.toSample(), (record) => this.#sample(record, midnightMs))
      this.#ledger.close(nowMs)
      await this.#lending.cover()
    }
    const { balanceNano, driftNano } = this.#ledger.reconcile()
    const { slug, deletedAtMs } = this.#identity as Identity
    if (driftNano !== 0) {
      console.error(JSON.stringify({ level: 'error', event: 'ledger_drift', namespace: slug, driftNano }))
    }
    this.ctx.storage.kv.put('drift', driftNano)
    await directoryObject(this.env).reconciled(slug, balanceNano, driftNano)
    // Nothing can be used any more where there is nothing.
    if (!deletedAtMs) this.#timers.set('close-day', nextMidnight(nowMs))
  }

  /** Charges what is stored for the whole hours since the last sample, a day's worth at most. */
  async #sample(record: Record & { readonly sampledAtMs: number }, midnightMs: number): Promise<void> {
    const hours = Math.min(24, Math.floor((midnightMs - record.sampledAtMs) / HOUR_MS))
    if (hours < 1) return
    const measured = await this.#stub(record.slug).measure(record.id)
    this.ctx.storage.transactionSync(() => {
      this.#ledger.debitStorage(record.id, record.slug, (measured?.storedBytes ?? 0) * hours)
      if (measured) this.#databases.measured(record.id, measured)
      this.#databases.sampled(record.id, midnightMs)
      this.#checkBalance()
    })
  }

  /** Runs what is due by PerSQL's clock: for tests that moved it. */
  async runTimers(): Promise<void> {
    await this.#timers.run(now())
  }

  // --- the operator's part -----------------------------------------------------------------------------------------

  /** Serves nothing any more, from the answer on; billing stays open. Its data is untouched. */
  async suspend(note: string): Promise<void> {
    this.#setSuspended(true, note)
    await this.#lending.recallEach()
  }

  resume(note: string): void {
    this.#setSuspended(false, note)
  }

  #setSuspended(suspended: boolean, note: string): void {
    const { suspended: _, ...identity } = this.#identity as Identity
    this.#identity = suspended ? { ...identity, suspended } : identity
    this.ctx.storage.kv.put('identity', this.#identity)
    this.#audit.add('operator', suspended ? 'namespace.suspended' : 'namespace.resumed', identity.slug, { note }, now())
  }

  /** How things stand, by the figures that are here: what databases have not reported yet is not in them. */
  standing(): Standing {
    return {
      status: this.#identity?.suspended ? 'suspended' : 'active',
      balanceNano: balance(this.#ledger.account),
      driftNano: this.ctx.storage.kv.get<number>('drift') ?? 0,
    }
  }

  async #expireDatabases(nowMs: number): Promise<void> {
    const nextMs = await this.#branches.sweep(nowMs)
    if (nextMs !== undefined) this.#timers.set('expire-databases', Math.max(nextMs, nowMs + 1_000))
  }

  #checkBalance(): void {
    this.#lowBalance.check(balance(this.#ledger.account), this.#ledger.lastTopUpNano(), now())
  }

  /** Mails the owners what is left. */
  async #warn(nowMs: number): Promise<void> {
    const { slug } = this.#identity as Identity
    const owners = this.#members.list().filter(({ role }) => role === 'owner')
    const people = await directoryObject(this.env).people(owners.map(({ userId }) => userId))
    const addresses = people.map(({ email }) => email)
    await this.#lowBalance.warn(slug, balance(this.#ledger.account), addresses, nowMs)
  }

  #stub(slug: string) {
    return databaseObject(this.env, this.#identity?.slug ?? '', slug)
  }
}

const HOUR_MS = 60 * 60 * 1000

const nextMidnight = (nowMs: number) => Date.parse(`${dayOf(nowMs + 86_400_000)}T00:00:00Z`)
