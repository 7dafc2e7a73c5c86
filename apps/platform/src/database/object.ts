import { DurableObject } from 'cloudflare:workers'
import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { NOTHING } from '../money.ts'
import { discardObject } from '../object-files.ts'
import { databaseObject, namespaceObject } from '../objects.ts'
import { verifyCaptcha } from '../ports/captcha.ts'
import type { Reply } from '../reply.ts'
import { settingsOf } from '../settings.ts'
import { FileExport } from '../sqlite-file/export.ts'
import { type LongTransaction, longTransactions } from '../storage/long-transaction.ts'
import { migrate } from '../storage/migrate.ts'
import { Timers } from '../storage/timers.ts'
import { type Advised, advise } from './advisor/advise.ts'
import { Scratch } from './advisor/scratch.ts'
import { Assistant } from './ai/assistant.ts'
import { DocsStore } from './ai/docs.ts'
import { Approvals, nameOf, resolved, type Verdict } from './approvals/approvals.ts'
import { AuditOutbox } from './audit-outbox.ts'
import { actorOf, type Grant, type ReplayKey } from './call.ts'
import { Calls } from './calls.ts'
import { Charges } from './charges.ts'
import { copyError } from './copy/failure.ts'
import { loadFrom, loadSmallCopy, readSmallCopy } from './copy/load.ts'
import { dropSchema } from './copy/schema.ts'
import { CopySource } from './copy/source.ts'
import type { DamagedText } from './copy/walk.ts'
import { AllMeans } from './endpoints/means.ts'
import { RateLimits } from './endpoints/rate-limits.ts'
import { type Gatekeeping, type PublicAnswer, type PublicFace, servePublic, unpackCall } from './endpoints/serve.ts'
import { type MintedSession, Sessions } from './endpoints/sessions.ts'
import { Endpoints } from './endpoints/store.ts'
import { ALL, Engine } from './engine.ts'
import { Exclusion } from './exclusion.ts'
import { Feed } from './feed/feed.ts'
import { Sockets } from './feed/sockets.ts'
import { Waiting } from './feed/waiting.ts'
import type { Run } from './guard/schema-map.ts'
import { lower } from './guard/statement.ts'
import { History, type Restore } from './history/history.ts'
import { Keeper } from './history/keeper.ts'
import type { Identity } from './identity.ts'
import { type Ids, readHighestIds } from './ids/highest.ts'
import { IdRanges } from './ids/ranges.ts'
import { Seeds } from './ids/seeds.ts'
import { Lease } from './lease.ts'
import { dropBases } from './merge/bases.ts'
import { beginFork, type ForkState, forkStateOf, renewRows } from './merge/fork-state.ts'
import { dropSchemas, MERGED } from './merge/kept-schema.ts'
import { Merger } from './merge/merger.ts'
import type { Report } from './meter.ts'
import { type BookkeepingRows, freeLocks, readVersions } from './migrations/bookkeeping.ts'
import { Ledger } from './migrations/ledger.ts'
import { bookmarkOf } from './migrations/run.ts'
import { Migrations } from './migrations/store.ts'
import { type DatabaseOperation, databaseOperations, type FeatureServices } from './operations.ts'
import { OwnPages } from './own-pages.ts'
import { Proposals } from './proposals/store.ts'
import { QUERY_LOG, QueryLog } from './query-log.ts'
import { Replays } from './replays.ts'
import { SavedQueries } from './saved/store.ts'
import { runDue } from './schedules/run.ts'
import { Schedules } from './schedules/store.ts'
import { SchemaChanges } from './schema-changes.ts'
import { diffObjects, named, readObjects, type SchemaObject } from './schema-diff.ts'
import type { Measured } from './size/measured.ts'
import { Size } from './size/size.ts'
import { Imports } from './transfer/imports.ts'
import { Stage } from './transfer/stage.ts'
import { isLoopback, urlProblem } from './webhooks/address.ts'
import { WebhookStore } from './webhooks/store.ts'
import { Webhooks } from './webhooks/webhooks.ts'

/** What a copy is made of: an object's name in a namespace, and the id it must have if it is a database. */
export interface Source {
  readonly namespace: string
  readonly name: string
  readonly id: string | undefined
}

/** Where a copy keeps which of its texts are not UTF-8. */
const DAMAGED = 'damaged-texts'
/** Kept answers, endpoints, sessions and docs: what goes when all rows and tables go. */
const OF_CONTENT = [
  'replay',
  'endpoint',
  'rate/',
  'session-keys',
  'session-minters',
  'docs',
  'proposal/',
  'approval',
  'migration/',
  'migration-name/',
  'id-range/',
  'schema-change/',
  'merged/',
  'import',
  'webhook/',
  'webhook-due/',
  'webhook-log/',
  'schedule/',
  'saved-query',
]
let statements = 0

/** One tenant's database: its SQLite file, its counters, and the right to spend that its namespace has lent it. */
export class Database extends DurableObject<Env> {
  readonly #run: Run
  readonly #inTransaction: LongTransaction
  readonly #engine: Engine
  readonly #ownPages: OwnPages
  readonly #calls: Calls
  readonly #charges: Charges
  readonly #log: QueryLog
  readonly #lease: Lease
  readonly #size: Size
  readonly #exclusion: Exclusion
  readonly #timers: Timers<
    | 'replays'
    | 'rates'
    | 'deeds'
    | 'scratch'
    | 'snapshots'
    | 'proposals'
    | 'approvals'
    | 'stage'
    | 'schedules'
    | 'sockets'
    | 'webhooks'
  >
  readonly #endpoints: Endpoints
  readonly #rateLimits: RateLimits
  readonly #sessions: Sessions
  readonly #deeds: AuditOutbox
  readonly #approvals: Approvals
  readonly #feed: Feed
  readonly #waitingCalls: Waiting
  readonly #sockets: Sockets
  readonly #webhookStore: WebhookStore
  readonly #webhooks: Webhooks
  readonly #schedules: Schedules
  readonly #scratch: Scratch
  readonly #fileExport: FileExport
  readonly #source: CopySource
  readonly #ledger: Ledger
  readonly #seeds: Seeds
  readonly #history: History
  readonly #keeper: Keeper
  readonly #imports: Imports
  readonly #stage: Stage
  readonly #features: FeatureServices
  readonly #gates: Gatekeeping
  #identity: Identity | undefined
  #advising = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const { queryTimeoutMs, transactionTimeoutMs, runtime, dev } = settingsOf(env)
    this.#inTransaction = longTransactions(ctx.storage, transactionTimeoutMs)
    this.#run = (sql, ...params) => [...ctx.storage.sql.exec(sql, ...params).raw()]
    this.#identity = ctx.storage.kv.get<Identity>('identity')
    const replays = new Replays(ctx.storage)
    this.#ownPages = new OwnPages(ctx.storage)
    this.#log = new QueryLog(ctx.storage, () => this.#identity)
    this.#size = new Size({
      storage: ctx.storage,
      ownPages: this.#ownPages,
      now,
      totals: () => this.#lease.totals,
      isHeld: () => this.#exclusion.held !== undefined,
    })
    this.#lease = new Lease({
      env,
      kv: ctx.storage.kv,
      sync: () => ctx.storage.sync(),
      identity: () => this.#identity,
      size: this.#size,
      adopt: (identity) => this.#adopt(identity),
      wipe: (id) => this.wipe(id),
      isHeld: () => this.#exclusion.held !== undefined,
      listening: () => [...this.#sockets.keys(), ...this.#sessions.minters()],
      ended: (keys) => this.#sessions.end(keys),
      beat: () => this.#charges.flushLog(),
    })
    this.#exclusion = new Exclusion(ctx, (changed) => this.#changedWhole(changed))
    this.#endpoints = new Endpoints(ctx.storage, this.#ownPages)
    this.#rateLimits = new RateLimits(ctx.storage, this.#ownPages, (atMs) => this.#timers.set('rates', atMs))
    this.#sessions = new Sessions(ctx.storage, this.#ownPages)
    this.#deeds = new AuditOutbox({
      ctx,
      env,
      ownPages: this.#ownPages,
      identity: () => this.#identity,
      deliverAt: (atMs) => this.#timers.set('deeds', atMs),
    })
    this.#approvals = new Approvals(
      ctx.storage,
      this.#ownPages,
      (atMs) => this.#timers.set('approvals', atMs),
      () => this.#identity as Identity,
    )
    const proposals = new Proposals(ctx.storage, this.#ownPages, (atMs) => this.#timers.set('proposals', atMs))
    this.#timers = new Timers(ctx.storage, {
      replays: (nowMs) => {
        const next = this.#ownPages.around(() => replays.sweep(nowMs))
        if (next !== undefined) this.#timers.set('replays', Math.max(next, nowMs + 60_000))
      },
      rates: (nowMs) => this.#sweepRates(nowMs),
      deeds: () => this.#deeds.deliver(),
      scratch: () => this.#scratch.wipe(),
      stage: async (nowMs) => {
        const next = await this.#stage.sweep(nowMs)
        if (next !== undefined) this.#timers.set('stage', next)
      },
      snapshots: (nowMs) => this.#sweepSnapshots(nowMs),
      approvals: (nowMs) => this.#approvals.requests.sweep(nowMs),
      proposals: (nowMs) => {
        const next = proposals.sweep(nowMs)
        if (next !== undefined) this.#timers.set('proposals', next)
      },
      schedules: () => this.#runSchedules(),
      sockets: () => this.#sweepSockets(),
      webhooks: () => this.#webhooks.sweep(),
    })
    this.#feed = new Feed(ctx.storage, this.#ownPages, now)
    this.#waitingCalls = new Waiting(this.#feed)
    this.#sockets = new Sockets({
      ctx,
      feed: this.#feed,
      now,
      admits: (grant) => this.#lease.admits(grant, now()),
      sweepAt: (atMs) => this.#timers.set('sockets', atMs),
    })
    this.#webhookStore = new WebhookStore(ctx.storage, this.#ownPages)
    this.#webhooks = new Webhooks({
      store: this.#webhookStore,
      now,
      name: () => `${this.#identity?.namespace}:${this.#identity?.slug}`,
      // What a tenant names is reached through a network that leads to public addresses only, whatever its name means.
      send: (url, init) =>
        env.PUBLIC_NETWORK && !(dev && isLoopback(new URL(url)))
          ? env.PUBLIC_NETWORK.fetch(url, init)
          : fetch(url, init),
      sweepAt: (atMs) => this.#timers.set('webhooks', atMs),
      audit: (...deed) => this.#deeds.note('persql', ...deed),
    })
    this.#schedules = new Schedules(ctx.storage, this.#ownPages, (atMs) => this.#timers.set('schedules', atMs))
    this.#scratch = new Scratch({
      storage: ctx.storage,
      occupied: () => this.#identity !== undefined,
      wipeAt: (atMs) => this.#timers.set('scratch', atMs),
    })
    this.#fileExport = new FileExport(ctx.storage, () => this.#identity !== undefined)
    this.#stage = new Stage({
      storage: ctx.storage,
      occupied: () => this.#identity !== undefined,
      sweepAt: (atMs) => this.#timers.set('stage', atMs),
    })
    this.#imports = new Imports({
      storage: ctx.storage,
      ownPages: this.#ownPages,
      now,
      ready: (address, grant) => this.#ready(address, grant),
    })
    const schemaChanges = new SchemaChanges(ctx.storage, this.#ownPages)
    this.#ledger = new Ledger(ctx.storage, this.#ownPages, () => this.#identity !== undefined)
    this.#seeds = new Seeds(ctx.storage, this.#ownPages)
    this.#engine = new Engine(
      ctx.storage,
      this.#ownPages,
      {
        started: (sql) => this.#started(sql),
        finished: (id) => console.error(JSON.stringify({ event: 'statement_finished', id })),
        schemaChanged: (statement, objects) =>
          schemaChanges.add(statement, objects, actorOf({ tokenId: this.#charges.tokenId }), now()),
        losing: (analysis) => this.#keeper.check(analysis),
        listening: () => this.#feed.isHeard || this.#webhookStore.list().length > 0,
        overtime: (startedMs) => {
          if (performance.now() - startedMs < queryTimeoutMs) return
          // Nothing else ends a statement that is under way: the object starts afresh, with all that was committed.
          ctx.abort('query_timeout')
          throw new PerSQLError('query_timeout', { seconds: queryTimeoutMs / 1000 })
        },
      },
      this.#approvals.gate,
      this.#seeds,
      (isRead) => this.#exclusion.held !== undefined || (!isRead && this.#source.frozen !== undefined),
    )
    this.#charges = new Charges({
      lease: this.#lease,
      log: this.#log,
      ownPages: this.#ownPages,
      engine: this.#engine,
      feed: this.#feed,
      webhooks: this.#webhooks,
      isHeld: () => this.#exclusion.held !== undefined,
      canServe: () => this.#canServe,
    })
    const docs = new DocsStore(ctx.storage, this.#ownPages)
    const assistant = new Assistant(env, this.#engine, ctx.storage.sql, docs, (tokenId, aiTokens) =>
      this.chargeAiTokens(tokenId, aiTokens),
    )
    const means = new AllMeans({
      storage: ctx.storage,
      engine: this.#engine,
      sessions: this.#sessions,
      assistant,
      charges: this.#charges,
    })
    this.#source = new CopySource(
      (sql, ...params) => {
        const cursor = ctx.storage.sql.exec(sql, ...params)
        return { rows: [...cursor.raw()], rowsRead: cursor.rowsRead }
      },
      (id) => this.#checkSource(id),
      (rowsRead) => {
        // Nobody asked for it.
        if (!this.#keeper.isKeeping) this.#lease.charge({ ...NOTHING, rowsRead }, 'copy')
      },
      this.#ledger,
      () => this.#exclusion.held,
      (table) => ctx.storage.kv.get<DamagedText[]>(DAMAGED)?.find((text) => lower(text.table) === lower(table)),
    )
    this.#history = new History({
      storage: ctx.storage,
      ownPages: this.#ownPages,
      now,
      copyTo: (id) => {
        const { namespace, slug, id: databaseId } = this.#identity as Identity
        return this.#snapshot(id).copyFrom(undefined, { namespace, name: slug, id: databaseId })
      },
      copyFrom: (id, restore) => {
        const { namespace, slug } = this.#identity as Identity
        return this.copyFrom(undefined, { namespace, name: `${slug}@${id}`, id: undefined }, restore)
      },
      wipe: (id) => {
        const { namespace, slug } = this.#identity as Identity
        return discardObject(env, namespace, `${slug}@${id}`, id)
      },
      sweepAt: (atMs) => this.#timers.set('snapshots', atMs),
    })
    this.#keeper = new Keeper({
      storage: ctx.storage,
      ownPages: this.#ownPages,
      history: this.#history,
      now,
      freeze: () => this.#source.freeze(),
    })
    const merger = new Merger({
      storage: ctx.storage,
      inTransaction: this.#inTransaction,
      ownPages: this.#ownPages,
      history: this.#history,
      schemaChanges,
      ledger: this.#ledger,
      seeds: this.#seeds,
      now,
      hold: () => this.#source.freeze(),
      permit: (tables) => this.#approvals.gate.changed(tables),
      alone: (changes, work) =>
        this.#replace(() => {
          if (!this.#identity) throw new PerSQLError('database_not_found', {})
          return work()
        }, changes),
      branches: async () => {
        const { namespace, slug } = this.#identity as Identity
        return (await namespaceObject(env, namespace).branches.list(slug)).items
      },
      branch: (slug) => databaseObject(env, (this.#identity as Identity).namespace, slug),
      note: (actor, ref, detail) => this.#deeds.keep(actor, 'database.branch_merged', ref, detail),
    })
    this.#features = {
      merger,
      engine: this.#engine,
      storage: ctx.storage,
      inTransaction: this.#inTransaction,
      endpoints: this.#endpoints,
      sessions: this.#sessions,
      now,
      audit: (...deed) => this.#deeds.note(...deed),
      docs,
      history: this.#history,
      keeper: this.#keeper,
      proposals,
      approvals: this.#approvals,
      assistant,
      ask: (tokenId, spend) => means.ask(tokenId, spend),
      advise: (tableScope) => this.#advise(tableScope),
      admits: (grant) => this.#lease.admits(grant, now()),
      imports: this.#imports,
      stageOf: (id) => {
        const { namespace, slug } = this.#identity as Identity
        return databaseObject(this.env, namespace, `${slug}!import-${id}`).stage
      },
      alone: (work, changes) => this.#alone(work, changes),
      settle: (call, outcome, startedMs) => this.#calls.settle(call, outcome, startedMs),
      migrations: new Migrations(ctx.storage, this.#ownPages),
      schemaChanges,
      feed: this.#feed,
      waiting: this.#waitingCalls,
      sockets: this.#sockets,
      webhookStore: this.#webhookStore,
      webhooks: this.#webhooks,
      webhookProblem: (url) => urlProblem(url, dev),
      schedules: this.#schedules,
      savedQueries: new SavedQueries(ctx.storage, this.#ownPages),
      bookmark: runtime === 'cloudflare' ? () => bookmarkOf(ctx.storage) : undefined,
    }
    this.#calls = new Calls({
      identity: () => this.#identity,
      lease: this.#lease,
      engine: this.#engine,
      keeper: this.#keeper,
      replays,
      ownPages: this.#ownPages,
      charges: this.#charges,
      handlers: databaseOperations(this.#features),
      held: () => this.#exclusion.held,
      busy: () => this.#busy,
      sweepReplaysAt: (atMs) => this.#timers.set('replays', atMs),
    })
    this.#gates = {
      endpoints: this.#endpoints,
      rateLimits: this.#rateLimits,
      sessions: this.#sessions,
      now,
      canServe: () => this.#canServe,
      credit: () => this.#credit(),
      verifyCaptcha: (token, address) => verifyCaptcha(env, token, address),
      meansFor: (endpoint) => means.of(endpoint),
    }
  }

  /**
   * The one door for callers; warm, it awaits nothing. All that goes through it is text, which crosses cheaply: a
   * `Grant` in JSON, the request's body, and back the response's body alone when all went well.
   */
  call(
    operation: DatabaseOperation,
    address: string,
    grant: string,
    body: string,
    replayKeys: readonly ReplayKey[] = [],
  ): string | Reply | Promise<string | Reply> {
    this.#lease.touch()
    return this.#calls.take(operation, address, grant, body, replayKeys)
  }

  /** The door of the public: warm, and when nothing is to be signed or asked of others, it awaits nothing. */
  serve(call: string): PublicAnswer | Promise<PublicAnswer> {
    this.#lease.touch()
    const hold = this.#exclusion.held ?? this.#source.frozen
    return hold ? hold.then(() => this.serve(call)) : servePublic(unpackCall(call), this.#gates)
  }

  /** What the public may know, in JSON: the specs of published endpoints, and what the database is for. */
  publicFace(): string {
    const { databaseDescription: description } = this.#features.docs.get()
    return JSON.stringify({ description, specs: this.#endpoints.publishedSpecs() } satisfies PublicFace)
  }

  /** Opens a session of the app's user for the app's backend. It ends with the token, or grant, that opens it. */
  async mintSession(userId: string, email: string | null, ttlS: number, mintedBy: string): Promise<MintedSession> {
    if (this.#lease.isRevoked(mintedBy)) throw new PerSQLError('token_unknown')
    return this.#sessions.mint(userId, email, ttlS, now(), mintedBy)
  }

  /** Charges tokens that a model used, and saves that before anything else is done. */
  chargeAiTokens(tokenId: string, aiTokens: number): void {
    this.#lease.charge({ ...NOTHING, aiTokens }, tokenId)
    this.#lease.save()
  }

  /** What an approval is asked for. @throws PerSQLError `approval_not_found` */
  async showApproval(token: string): Promise<ApprovalRequest> {
    await this.#exclusion.held
    return this.#approvals.show(token, now())
  }

  /** Takes the answer of a human who may give it. @throws PerSQLError `approval_not_found` or `approval_not_open` */
  async decideApproval(token: string, verdict: Verdict): Promise<ApprovalRequest> {
    await this.#exclusion.held
    const decided = this.#approvals.decide(token, verdict, now())
    this.#deeds.note(verdict.by, `approval.${decided.status}`, nameOf(token), {})
    this.#ownPages.around(() => this.#webhooks.announce([resolved(token, decided)]))
    return decided
  }

  /** What others make a copy of this from. */
  get source(): CopySource {
    return this.#source
  }

  /**
   * Becomes a copy of another object's tables and rows: wholly, or not at all. With an identity it is that database from
   * then on; without, it keeps the one it has, or is none (a snapshot). Returns how many rows it has got.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long` or `database_not_found`
   */
  async copyFrom(identity: Identity | undefined, from: Source, restore?: Restore): Promise<number> {
    if (identity && this.#identity && this.#identity.id !== identity.id) await this.wipe(this.#identity.id)
    if (identity && !this.#identity) this.#adopt(identity)
    try {
      const { source } = databaseObject(this.env, from.namespace, from.name)
      let before: readonly SchemaObject[] = []
      const clear = () => {
        before = readObjects(this.#run)
        if (identity) this.#clearContent()
        // What was merged may not be in what it goes back to.
        else {
          dropSchemas(this.ctx.storage.kv, MERGED)
          this.#forgetMerged()
          renewRows(this.ctx.storage.kv)
        }
      }
      const { rows, damaged } = await this.#replace(() =>
        loadFrom(this.ctx.storage, this.#inTransaction, {
          ...{ source, sourceId: from.id, clear },
          wanted: { rows: 'all', migrations: 'all' },
          end: () => restore && this.#recordRestore(restore, before),
          takeMigrations: this.#ledger.replace(identity !== undefined),
        }),
      )
      if (!this.#identity && damaged.length > 0) this.ctx.storage.kv.put(DAMAGED, damaged)
      return rows
    } catch (cause) {
      throw copyError(cause)
    }
  }

  /** Notes in the record of schema changes what a restore did to the schema. */
  #recordRestore({ actor, label }: Restore, before: readonly SchemaObject[]): void {
    const { added, removed, changed } = diffObjects(before, readObjects(this.#run))
    const objects = [
      ...added.map((object) => ({ ...named(object), change: 'added' as const })),
      ...removed.map((object) => ({ ...named(object), change: 'removed' as const })),
      ...changed.map((object) => ({ ...named(object), change: 'changed' as const })),
    ]
    const text = `-- Restore of "${label.replace(/\s+/g, ' ')}"`
    if (objects.length > 0) this.#features.schemaChanges.add({ text, verb: 'RESTORE' }, objects, actor, now())
  }

  /** Replaces all tables, which hold on to each other in whatever order. Nothing else is served meanwhile. */
  #replace<T>(work: () => T | Promise<T>, changes = true): Promise<T> {
    return this.#exclusion.run(changes, work, () => {
      if (changes) this.#feed.replacing()
    })
  }

  /** Whatever is known of tables and rows may not be so any more. */
  #changedWhole(changed: boolean): void {
    this.#forgetContent()
    if (changed) this.#size.forget()
    this.#feed.replaced(changed)
    if (changed) this.#webhooks.announce([{ type: 'row.change', ...ALL }])
  }

  #forgetContent(): void {
    this.#endpoints.forget()
    this.#rateLimits.forget()
    this.#approvals.rules.forget()
    this.#engine.forget()
    this.#seeds.forget()
    this.#webhookStore.forget()
  }

  /** Waits until nothing is copied, from here or to here, and has the database for itself then. */
  async #alone<T>(work: () => Promise<T>, changes = true): Promise<T> {
    for (let busy = this.#busy; busy; busy = this.#busy) await busy
    return this.#replace(work, changes)
  }

  get #canServe(): boolean {
    return this.#identity !== undefined && this.#lease.canServe()
  }

  get #busy(): Promise<void> | undefined {
    return this.#exclusion.held ?? this.#source.frozen
  }

  /** @throws PerSQLError unless this caller may use the database now */
  async #ready(address: string, grant: Grant): Promise<void> {
    const [namespace, slug] = address.split('/') as [string, string]
    await this.#exclusion.held
    if (!this.#identity || !this.#lease.canServe()) await this.#lease.acquire(namespace, slug)
    if (!this.#lease.admits(grant, now())) throw new PerSQLError('token_unknown')
    if (!this.#lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  #checkSource(id: string | undefined): void {
    if (this.#exclusion.held) throw new PerSQLError('copy_cut_off')
    // One that nothing was ever asked of is empty, and does not know its id yet.
    if (this.#identity && this.#identity.id !== id) {
      throw new PerSQLError('database_not_found', { database: this.#identity.slug })
    }
  }

  #clearContent(): void {
    const { kv } = this.ctx.storage
    for (const prefix of OF_CONTENT) for (const [key] of [...kv.list({ prefix })]) kv.delete(key)
    this.#seeds.clear()
    this.#forgetMerged()
  }

  #forgetMerged(): void {
    this.#ownPages.around(() => dropBases(this.ctx.storage.kv, this.#run))
  }

  /** Ends a copy that was made to be read once. */
  endExport(snapshot: string): Promise<void> {
    return this.#history.leave(snapshot)
  }

  /** Who wants to import something asks here before sending it. */
  get imports(): Imports {
    return this.#imports
  }

  /** For the object that bears the name of an import, and is nobody's database. */
  get stage(): Stage {
    return this.#stage
  }

  /** For the object that bears the name of an advisor, and is nobody's database. */
  get scratch(): Scratch {
    return this.#scratch
  }

  /** For the object that holds a copy, and is nobody's database. */
  get fileExport(): FileExport {
    return this.#fileExport
  }

  /** Gives a branch ids of its own, above those that are assigned here. @throws PerSQLError `database_not_found` */
  async reserveIds(id: string, branchId: string, live: readonly string[]): Promise<Ids> {
    // Until it is over, nothing that is read here is sure to stay.
    for (let held = this.#exclusion.held; held; held = this.#exclusion.held) await held
    if (!this.#identity) return {}
    if (this.#identity.id !== id) throw new PerSQLError('database_not_found', {})
    const ranges = new IdRanges(this.ctx.storage.kv)
    return this.#ownPages.around(() => ranges.reserve(branchId, live, readHighestIds(this.#run)))
  }

  /** Has ids assigned above these, for the parent that merges this branch. @throws PerSQLError `database_not_found` */
  seedIds(id: string, floors: Ids): void {
    if (this.#identity?.id !== id) throw new PerSQLError('database_not_found', {})
    this.ctx.storage.transactionSync(() => this.#seeds.plant(floors))
  }

  /** A branch, for its parent that merges it. @throws PerSQLError `database_not_found` or `copy_cut_off` */
  forkState(id: string): ForkState {
    this.#checkSource(id)
    if (!this.#identity) throw new PerSQLError('copy_cut_off')
    return forkStateOf(this.ctx.storage.kv, this.#run, this.#features.schemaChanges)
  }

  /**
   * Becomes that database, if it is none yet, and has the schema of its parent from then on, what migration tools keep
   * there, and no other rows: wholly, or not at all. Returns what was taken along.
   * @throws PerSQLError `copy_cut_off`, `took_too_long` or `database_not_found`
   */
  async loadSchema(identity: Identity, from: Source, floors: Ids): Promise<readonly BookkeepingRows[]> {
    if (this.#identity && this.#identity.id !== identity.id) await this.wipe(this.#identity.id)
    if (!this.#identity) this.#adopt(identity)
    // Whoever gets the branch next must not go back to the rows of whoever had it before.
    await this.#history.drop()
    const { storage } = this.ctx
    const { source } = databaseObject(this.env, from.namespace, from.name)
    const copy = await readSmallCopy(source, from.id).catch((cause: unknown) => {
      throw copyError(cause)
    })
    const { schema, bookkeeping } = copy
    await this.#replace(() =>
      storage.transactionSync(() => {
        this.#clearContent()
        dropSchema(this.#run)
        loadSmallCopy(storage.sql, copy, this.#ledger.replace(true))
        freeLocks(this.#run, bookkeeping)
        const versions = readVersions(this.#run, bookkeeping)
        this.#ownPages.around(() => beginFork(storage.kv, schema, versions))
        this.#seeds.plant(floors)
      }),
    )
    return bookkeeping
  }

  /** Saves and reports the counters; `version` numbers the recall, so that a lease on its way is not taken for newer. */
  recall(version: number): Report & { readonly id: string | undefined } {
    const id = this.#identity?.id
    return { id, ...this.#lease.recall(version) }
  }

  /** Current counters, saved first, for whoever wants to know the exact usage. */
  report(): Report & { readonly id: string | undefined } {
    return { id: this.#identity?.id, ...this.#lease.report() }
  }

  /** How large the tenant's own data is now, for whoever knows the database by this id. */
  measure(id: string): Measured | undefined {
    return this.#identity?.id === id ? this.#size.measure() : undefined
  }

  /** Refuses these keys of secrets, tokens and grants from the answer on. */
  revoke(keys: readonly string[]): void {
    this.#lease.revoke(keys)
    this.#sockets.sweep()
  }

  /** Deletes the database `id` with everything. The caller has taken its counters and lets nobody in any more. */
  async wipe(id: string): Promise<void> {
    await this.#exclusion.held
    if (this.#identity && this.#identity.id !== id) return
    try {
      if (this.#identity) await this.#history.drop()
      this.#waitingCalls.end()
      this.#sockets.end()
      this.#forget()
      await this.ctx.storage.deleteAlarm()
      await this.ctx.storage.deleteAll()
    } catch (cause) {
      // The file is damaged. Whoever removes it must find nothing that goes on with it.
      if (PerSQLError.from(cause).code === 'internal') this.ctx.abort('damaged')
      throw cause
    }
  }

  /** For WebSockets, which no call can carry: whoever comes has been let in by the operation `subscribe`. */
  override fetch(request: Request): Response {
    return this.#sockets.open(request.headers.get('X-PerSQL-Ticket'))
  }

  override webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    this.#sockets.take(ws, message)
  }

  override webSocketClose(ws: WebSocket, code: number): void {
    this.#sockets.leave(ws, code)
  }

  override webSocketError(ws: WebSocket): void {
    this.#sockets.drop(ws)
  }

  override async alarm(): Promise<void> {
    await this.runTimers()
  }

  /** Runs what is due by PerSQL's clock; also for tests that moved it. */
  async runTimers(): Promise<void> {
    await this.#exclusion.held
    await this.#timers.run(now())
  }

  /** One at a time: there is one copy. */
  async #advise(tableScope: Grant['tableScope']): Promise<Advised> {
    const { namespace, slug } = this.#identity as Identity
    if (this.#advising) throw new PerSQLError('advice_under_way')
    this.#advising = true
    try {
      this.#charges.flushLog()
      const { scratch } = databaseObject(this.env, namespace, `${slug}#advisor`)
      return await advise(this.ctx.storage.sql, scratch, tableScope)
    } finally {
      this.#advising = false
    }
  }

  /** Asks for credit for the public. @throws PerSQLError */
  async #credit(): Promise<void> {
    const identity = this.#identity
    if (!identity) throw new PerSQLError('unavailable')
    await this.#lease.credit(identity.namespace, identity.slug)
    if (!this.#lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  #adopt(identity: Identity): void {
    migrate(this.ctx.storage, [QUERY_LOG])
    this.ctx.storage.kv.put('identity', identity)
    this.#ownPages.adoptAll()
    this.#approvals.rules.forget()
    this.#engine.forget()
    this.#identity = identity
  }

  #forget(): void {
    this.#lease.forget()
    this.#log.forget()
    this.#size.forget()
    this.#identity = undefined
    this.#forgetContent()
    this.#feed.forget()
  }

  /** The object that holds a snapshot. No address can name it: slugs have no `@`. */
  #snapshot(id: string) {
    const { namespace, slug } = this.#identity as Identity
    return databaseObject(this.env, namespace, `${slug}@${id}`)
  }

  async #sweepSnapshots(nowMs: number): Promise<void> {
    if (!this.#identity) return
    const next = await this.#history.sweep(nowMs)
    if (next !== undefined) this.#timers.set('snapshots', Math.max(next, nowMs + 1_000))
  }

  async #runSchedules(): Promise<void> {
    if (!this.#identity) return
    await runDue({
      schedules: this.#schedules,
      engine: this.#engine,
      now,
      sync: () => this.ctx.storage.sync(),
      credit: async () => {
        if (!this.#lease.canServe()) await this.#credit()
      },
      unfrozen: async () => {
        await (this.#exclusion.held ?? this.#source.frozen)
      },
      spend: (tokenId, sql, run) => this.#charges.spend(tokenId, sql, run, 'schedule'),
    })
    const next = this.#schedules.list().flatMap(({ nextAtMs }) => nextAtMs ?? [])
    if (next.length > 0) this.#timers.set('schedules', Math.min(...next))
  }

  /** Closes what is listened to with tokens that are not known any more. */
  async #sweepSockets(): Promise<void> {
    await this.#lease.askForTokens()
    const next = this.#sockets.sweep()
    if (next !== undefined) this.#timers.set('sockets', next)
  }

  #sweepRates(nowMs: number): void {
    const next = this.#rateLimits.sweep(nowMs)
    if (next !== undefined) this.#timers.set('rates', next)
  }

  #started(sql: string): number {
    const id = ++statements
    const database = `${this.#identity?.namespace}/${this.#identity?.slug}`
    console.error(
      JSON.stringify({
        event: 'statement_started',
        id,
        database,
        tokenId: this.#charges.tokenId,
        sql: sql.slice(0, 500),
      }),
    )
    return id
  }
}
