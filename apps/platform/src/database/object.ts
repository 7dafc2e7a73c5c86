import { DurableObject } from 'cloudflare:workers'
import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { count } from '../metrics.ts'
import { NOTHING } from '../money.ts'
import { databaseObject, namespaceObject } from '../objects.ts'
import { verifyCaptcha } from '../ports/captcha.ts'
import { type Reply, refuse } from '../reply.ts'
import { settingsOf } from '../settings.ts'
import { FileExport } from '../sqlite-file/export.ts'
import { migrate } from '../storage/migrate.ts'
import { Timers } from '../storage/timers.ts'
import { type Advised, advise } from './advisor/advise.ts'
import { Scratch } from './advisor/scratch.ts'
import { Assistant } from './ai/assistant.ts'
import { DocsStore } from './ai/docs.ts'
import { bodyOf, sentSql } from './answer.ts'
import { Approvals, nameOf, resolved, type Verdict } from './approvals/approvals.ts'
import { AuditOutbox } from './audit-outbox.ts'
import { actorOf, type DatabaseCall, type DatabaseOperation, type Grant, Grants, type ReplayKey } from './call.ts'
import { loadFrom } from './copy/load.ts'
import { dropSchema, loadSchema, readSchemaText, type SchemaText } from './copy/schema.ts'
import { CopySource } from './copy/source.ts'
import { keyColumn } from './endpoints/manage.ts'
import { RateLimits } from './endpoints/rate-limits.ts'
import type { Means, Spend } from './endpoints/run.ts'
import { type Gatekeeping, type PublicAnswer, type PublicFace, servePublic, unpackCall } from './endpoints/serve.ts'
import { type MintedSession, Sessions } from './endpoints/sessions.ts'
import { Endpoints, type OpenEndpoint } from './endpoints/store.ts'
import { ALL, Engine, OnHold } from './engine.ts'
import { Exclusion } from './exclusion.ts'
import { Feed } from './feed/feed.ts'
import { Sockets } from './feed/sockets.ts'
import { Waiting } from './feed/waiting.ts'
import type { Run } from './guard/schema-map.ts'
import { History } from './history/history.ts'
import { Keeper, KeepFirst } from './history/keeper.ts'
import type { Identity } from './identity.ts'
import { Lease } from './lease.ts'
import { beginFork, type ForkState, forkStateOf } from './merge/fork-state.ts'
import { dropSchemas, MERGED } from './merge/kept-schema.ts'
import { Merger } from './merge/merger.ts'
import type { Report } from './meter.ts'
import { bookmarkOf } from './migrations/run.ts'
import { Migrations } from './migrations/store.ts'
import { databaseOperations, type Parts } from './operations.ts'
import type { Outcome } from './outcome.ts'
import { OwnPages } from './own-pages.ts'
import { Proposals } from './proposals/store.ts'
import { QUERY_LOG, QueryLog } from './query-log.ts'
import { Replays } from './replays.ts'
import type { Result } from './result.ts'
import { runDue } from './schedules/run.ts'
import { Schedules } from './schedules/store.ts'
import { SchemaChanges } from './schema-changes.ts'
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

/** Kept answers, endpoints, sessions and docs: what goes when all rows and tables go. */
const OF_CONTENT = [
  'replay',
  'endpoint',
  'rate/',
  'session-keys',
  'docs',
  'proposal/',
  'approval',
  'migration/',
  'migration-name/',
  'schema-change/',
  'merged/',
  'import',
  'webhook/',
  'webhook-due/',
  'webhook-log/',
  'schedule/',
]
/** What members are charged a request for in the console. */
const AD_HOC = new Set(['query', 'batch', 'propose', 'apply', 'redeem_approval', 'ask', 'generate_sql'])
/** Before what these run, a snapshot is made if it loses rows without saying which. */
const KEEPS = new Set<DatabaseOperation>([
  'query',
  'batch',
  'apply',
  'apply_migration',
  'redeem_approval',
  'import_database',
])
const UNBILLED = new Set(['invalid_json', 'invalid_input', 'idempotency_mismatch', 'token_unknown'])

let statements = 0

/** One tenant's database: its SQLite file, its counters, and the right to spend that its namespace has lent it. */
export class Database extends DurableObject<Env> {
  readonly #run: Run
  readonly #engine: Engine
  readonly #grants = new Grants()
  readonly #log: QueryLog
  readonly #replays: Replays
  readonly #ownPages: OwnPages
  readonly #lease: Lease
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
  readonly #history: History
  readonly #keeper: Keeper
  readonly #assistant: Assistant
  readonly #imports: Imports
  readonly #stage: Stage
  readonly #parts: Parts
  readonly #gates: Gatekeeping
  readonly #means = new WeakMap<OpenEndpoint, Means>()
  #identity: Identity | undefined
  #advising = false
  /** Answers of what was charged in the transaction that did it. */
  readonly #settled = new WeakMap<Outcome, string | Reply>()
  #tokenId = ''

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const { queryTimeoutMs, runtime, dev } = settingsOf(env)
    this.#run = (sql, ...params) => [...ctx.storage.sql.exec(sql, ...params).raw()]
    this.#identity = ctx.storage.kv.get<Identity>('identity')
    this.#log = new QueryLog(ctx.storage)
    this.#replays = new Replays(ctx.storage)
    this.#ownPages = new OwnPages(ctx.storage)
    this.#lease = new Lease({
      env,
      kv: ctx.storage.kv,
      identity: () => this.#identity,
      adopt: (identity) => this.#adopt(identity),
      wipe: (id) => this.wipe(id),
      isHeld: () => this.#exclusion.held !== undefined,
      listening: () => this.#sockets.tokenIds(),
      beat: () => this.#flushLog(),
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
      replays: (nowMs) => this.#sweepReplays(nowMs),
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
    this.#engine = new Engine(
      ctx.storage,
      {
        started: (sql) => this.#started(sql),
        finished: (id) => console.error(JSON.stringify({ event: 'statement_finished', id })),
        schemaChanged: (statement, objects) =>
          schemaChanges.add(statement, objects, actorOf({ tokenId: this.#tokenId }), now()),
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
      (isRead) => this.#exclusion.held !== undefined || (!isRead && this.#source.frozen !== undefined),
    )
    const docs = new DocsStore(ctx.storage, this.#ownPages)
    this.#assistant = new Assistant(env, this.#engine, ctx.storage.sql, docs, (tokenId, aiTokens) =>
      this.chargeAiTokens(tokenId, aiTokens),
    )
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
    )
    this.#history = new History({
      storage: ctx.storage,
      ownPages: this.#ownPages,
      now,
      copyTo: (id) => {
        const { namespace, slug, id: databaseId } = this.#identity as Identity
        return this.#snapshot(id).copyFrom(undefined, { namespace, name: slug, id: databaseId })
      },
      copyFrom: (id) => {
        const { namespace, slug } = this.#identity as Identity
        return this.copyFrom(undefined, { namespace, name: `${slug}@${id}`, id: undefined })
      },
      wipe: (id) => this.#snapshot(id).wipe(id),
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
      ownPages: this.#ownPages,
      history: this.#history,
      schemaChanges,
      now,
      hold: () => this.#source.freeze(),
      permit: (tables) => this.#approvals.gate.changed(tables),
      alone: (changes, work) =>
        this.#replace(() => {
          if (!this.#identity) throw new PerSQLError('database_not_found', {})
          return work()
        }, changes),
      branches: () => {
        const { namespace, slug } = this.#identity as Identity
        return namespaceObject(env, namespace).branches.list(slug)
      },
      branch: (slug) => databaseObject(env, (this.#identity as Identity).namespace, slug),
      note: (actor, ref, detail) => this.#deeds.keep(actor, 'database.branch_merged', ref, detail),
    })
    this.#parts = {
      merger,
      engine: this.#engine,
      storage: ctx.storage,
      endpoints: this.#endpoints,
      sessions: this.#sessions,
      now,
      audit: (...deed) => this.#deeds.note(...deed),
      docs,
      history: this.#history,
      keeper: this.#keeper,
      proposals,
      approvals: this.#approvals,
      assistant: this.#assistant,
      ask: (tokenId, spend) => (endpoint, question) => this.#ask(tokenId, spend, endpoint, question),
      advise: (tableScope) => this.#advise(tableScope),
      admits: (grant) => this.#lease.admits(grant, now()),
      imports: this.#imports,
      stageOf: (id) => {
        const { namespace, slug } = this.#identity as Identity
        return databaseObject(this.env, namespace, `${slug}!import-${id}`).stage
      },
      alone: (work) => this.#alone(work),
      settle: (call, outcome, startedMs) => {
        this.#settled.set(outcome, this.#finish(call, outcome, startedMs, now()))
        this.#lease.saveNow()
      },
      migrations: new Migrations(ctx.storage, this.#ownPages),
      schemaChanges,
      feed: this.#feed,
      waiting: this.#waitingCalls,
      sockets: this.#sockets,
      webhookStore: this.#webhookStore,
      webhooks: this.#webhooks,
      webhookProblem: (url) => urlProblem(url, dev),
      schedules: this.#schedules,
      bookmark: runtime === 'cloudflare' ? () => bookmarkOf(ctx.storage) : undefined,
    }
    this.#gates = {
      endpoints: this.#endpoints,
      rateLimits: this.#rateLimits,
      sessions: this.#sessions,
      now,
      canServe: () => this.#identity !== undefined && this.#lease.canServe(),
      credit: () => this.#credit(),
      verifyCaptcha: (token, address) => verifyCaptcha(env, token, address),
      meansFor: (endpoint) => this.#meansFor(endpoint),
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
    const call = { operation, grant: this.#grants.of(grant), body, replayKeys }
    if (this.#exclusion.held) return this.#later(address, call)
    return this.#resume(address, call)
  }

  /** The door of the public: warm, and when nothing is to be signed or asked of others, it awaits nothing. */
  serve(call: string): PublicAnswer | Promise<PublicAnswer> {
    this.#lease.touch()
    const hold = this.#exclusion.held ?? this.#source.frozen
    return hold ? hold.then(() => this.serve(call)) : servePublic(unpackCall(call), this.#gates)
  }

  /** What the public may know, in JSON: the specs of published endpoints, and what the database is for. */
  publicFace(): string {
    const { databaseDescription: description } = this.#parts.docs.get()
    return JSON.stringify({ description, specs: this.#endpoints.publishedSpecs() } satisfies PublicFace)
  }

  /** Opens a session of the app's user, for its backend. */
  mintSession(userId: string, email: string | null, ttlS: number): Promise<MintedSession> {
    return this.#sessions.mint(userId, email, ttlS, now())
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
   * @throws PerSQLError `copy_cut_off`, `copy_impossible` or `database_not_found`
   */
  async copyFrom(identity: Identity | undefined, from: Source): Promise<number> {
    if (identity && this.#identity && this.#identity.id !== identity.id) await this.wipe(this.#identity.id)
    if (identity && !this.#identity) this.#adopt(identity)
    try {
      const { source } = databaseObject(this.env, from.namespace, from.name)
      return await this.#replace(() =>
        loadFrom(this.ctx.storage, source, from.id, () => {
          if (identity) this.#clearContent()
          // What was merged may not be in what it goes back to.
          else dropSchemas(this.ctx.storage.kv, MERGED)
        }),
      )
    } catch (cause) {
      const error = PerSQLError.from(cause)
      throw error.code === 'internal' ? new PerSQLError('copy_cut_off', {}, { cause }) : error
    }
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
    this.#feed.replaced(changed)
    if (changed) this.#webhooks.announce([{ type: 'row.change', ...ALL }])
  }

  #forgetContent(): void {
    this.#endpoints.forget()
    this.#rateLimits.forget()
    this.#approvals.rules.forget()
    this.#engine.forget()
    this.#webhookStore.forget()
  }

  /** Waits until nothing is copied, from here or to here, and has the database for itself then. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    for (let busy = this.#busy; busy; busy = this.#busy) await busy
    return this.#replace(work)
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

  /** The tenant's schema as text, for a copy of it. @throws PerSQLError `database_not_found` */
  schemaText(id: string): SchemaText {
    if (this.#identity && this.#identity.id !== id) throw new PerSQLError('database_not_found', {})
    return readSchemaText(this.#run)
  }

  /** A branch, for its parent that merges it. @throws PerSQLError `database_not_found` or `copy_cut_off` */
  forkState(id: string): ForkState {
    this.#checkSource(id)
    if (!this.#identity) throw new PerSQLError('copy_cut_off')
    return forkStateOf(this.ctx.storage.kv, this.#run, this.#parts.schemaChanges)
  }

  /** Becomes that database, if it is none yet, and has this schema from then on and no rows: wholly, or not at all. */
  async loadSchema(identity: Identity, schema: SchemaText): Promise<void> {
    if (this.#identity && this.#identity.id !== identity.id) await this.wipe(this.#identity.id)
    if (!this.#identity) this.#adopt(identity)
    // Whoever gets the branch next must not go back to the rows of whoever had it before.
    await this.#history.drop()
    await this.#replace(() =>
      this.ctx.storage.transactionSync(() => {
        this.#clearContent()
        dropSchema(this.#run)
        loadSchema(this.#run, schema)
        this.#ownPages.around(() => beginFork(this.ctx.storage.kv, schema))
      }),
    )
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

  /** Bytes of the tenant's own data, for whoever knows the database by this id. */
  storedBytes(id: string): number {
    return this.#identity?.id === id ? this.#ownPages.tenantBytes() : 0
  }

  /** From the answer on, this token is refused here. */
  revoke(tokenId: string): void {
    this.#lease.revoke(tokenId)
    this.#sockets.sweep()
  }

  /** Deletes the database `id` with everything. The caller has taken its counters and lets nobody in any more. */
  async wipe(id: string): Promise<void> {
    await this.#exclusion.held
    if (this.#identity && this.#identity.id !== id) return
    if (this.#identity) await this.#history.drop()
    this.#waitingCalls.end()
    this.#sockets.end()
    this.#forget()
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
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

  #serve(call: DatabaseCall): string | Reply | Promise<string | Reply> {
    const { grant, operation } = call
    const nowMs = now()
    if (!this.#lease.admits(grant, nowMs)) return refuse(new PerSQLError('token_unknown'))
    this.#tokenId = grant.tokenId
    const startedMs = performance.now()
    try {
      const kept = this.#replay(call, nowMs)
      if (kept) return kept
      // Those who read the log find their last call in it.
      if (operation === 'get_insights' || call.body.includes('_persql_')) this.#flushLog()
      this.#keeper.begin(call.kept)
      this.#engine.begin(KEEPS.has(operation))
      const outcome = databaseOperations[operation](call, this.#parts)
      return outcome instanceof Promise
        ? this.#await(call, outcome, startedMs, nowMs)
        : this.#finish(call, outcome, startedMs, nowMs)
    } catch (cause) {
      return this.#fail(call, cause, startedMs, nowMs)
    }
  }

  /** Others are served while something is awaited, so the database may be gone by the end. */
  async #await(
    call: DatabaseCall,
    outcome: Promise<Outcome>,
    startedMs: number,
    nowMs: number,
  ): Promise<string | Reply> {
    const identity = this.#identity
    const ended = async () => {
      try {
        const done = await outcome
        if (this.#identity === identity) return this.#settled.get(done) ?? this.#finish(call, done, startedMs, nowMs)
      } catch (cause) {
        if (this.#identity === identity) return await this.#fail(call, cause, startedMs, nowMs)
      }
      return refuse(new PerSQLError('database_not_found', { database: identity?.slug }))
    }
    // Who only waits for changes does not keep the credit of others here.
    return call.operation === 'wait_for_changes' ? ended() : this.#lease.awaiting(ended)
  }

  /** One at a time: there is one copy. */
  async #advise(tableScope: Grant['tableScope']): Promise<Advised> {
    const { namespace, slug } = this.#identity as Identity
    if (this.#advising) throw new PerSQLError('advice_under_way')
    this.#advising = true
    try {
      this.#flushLog()
      const { scratch } = databaseObject(this.env, namespace, `${slug}#advisor`)
      return await advise(this.ctx.storage.sql, scratch, tableScope)
    } finally {
      this.#advising = false
    }
  }

  /** Serves a call that had to wait: for a copy that is being made, or for this to have become one. */
  async #later(address: string, call: DatabaseCall): Promise<string | Reply> {
    await this.#lease.awaiting(() => this.#busy)
    return this.#resume(address, call)
  }

  /** Serves a call before which a snapshot has to be made. */
  async #keepFirst(address: string, call: DatabaseCall, first: KeepFirst): Promise<string | Reply> {
    try {
      return await this.#lease.awaiting(() =>
        this.#keeper.keep(first, (kept) => this.#resume(address, { ...call, kept })),
      )
    } catch (cause) {
      return refuse(cause)
    }
  }

  #resume(address: string, call: DatabaseCall): string | Reply | Promise<string | Reply> {
    return this.#identity && this.#lease.canServe() ? this.#serve(call) : this.#serveWithLease(address, call)
  }

  #fail(call: DatabaseCall, cause: unknown, startedMs: number, nowMs: number): Reply | Promise<string | Reply> {
    const { grant, operation, body } = call
    const { namespace, slug } = this.#identity ?? {}
    if (cause instanceof OnHold) return this.#later(`${namespace}/${slug}`, call)
    if (cause instanceof KeepFirst) return this.#keepFirst(`${namespace}/${slug}`, call, cause)
    const reply = refuse(cause)
    if (reply.code && UNBILLED.has(reply.code)) return reply
    this.#settle()
    const durationMs = performance.now() - startedMs
    this.#charge(grant, { operation, sql: sentSql(body), statementCount: 0, durationMs }, NOTHING, cause, nowMs)
    return reply
  }

  #replay({ grant, replayKeys }: DatabaseCall, nowMs: number): Reply | undefined {
    for (const key of replayKeys) {
      const kept = this.#replays.find(grant.tokenId, key, nowMs)
      if (!kept) continue
      // At an empty balance a replay is free: who did not get the answer must be able to learn that it was done.
      if (this.#lease.canServe()) this.#lease.charge({ ...NOTHING, requests: 1 }, grant.tokenId)
      return { ...kept, replayed: key.header }
    }
    return undefined
  }

  /** Charges, and for writes saves the counters and the kept answer in the turn, and so in the transaction, of the write. */
  #finish(call: DatabaseCall, outcome: Outcome, startedMs: number, nowMs: number): string | Reply {
    const { operation, grant, replayKeys } = call
    const { sql, statementCount, rowsRead, rowsWritten, failure, status } = outcome
    const durationMs = performance.now() - startedMs
    this.#charge(grant, { operation, sql, statementCount, durationMs }, outcome, failure, nowMs)
    this.#settle()
    const refusal = failure && refuse(failure)
    const body =
      refusal?.body ?? bodyOf(operation, outcome, durationMs, KEEPS.has(operation) ? this.#keeper.kept : undefined)
    if (replayKeys.length > 0 && (!failure || rowsWritten > 0)) {
      this.#ownPages.around(() => {
        for (const key of replayKeys) {
          this.#timers.set('replays', this.#replays.keep(grant.tokenId, key, status, body, nowMs))
        }
        this.#lease.save()
      })
    } else if (rowsWritten > 0) this.#lease.save()
    count('persql_rows_read_total', '', rowsRead)
    count('persql_rows_written_total', '', rowsWritten)
    return refusal ?? body
  }

  #charge(
    { tokenId }: Pick<Grant, 'tokenId'>,
    entry: { operation: string; sql: string; statementCount: number; durationMs: number },
    { rowsRead, rowsWritten }: { rowsRead: number; rowsWritten: number },
    failure: unknown,
    nowMs: number,
  ): void {
    // What members do in the console is free, save for queries of their own.
    const free = tokenId.startsWith('user:') && !AD_HOC.has(entry.operation)
    this.#lease.charge({ requests: free ? 0 : 1, rowsRead, rowsWritten, aiTokens: 0 }, tokenId)
    const error = failure === undefined ? null : PerSQLError.from(failure)
    const full = this.#log.add({
      ...entry,
      ts: nowMs,
      tokenId,
      rowsRead,
      rowsWritten,
      status: error?.status ?? 200,
      error: error?.message ?? null,
    })
    if (full) this.#flushLog()
  }

  #meansFor(endpoint: OpenEndpoint): Means {
    let means = this.#means.get(endpoint)
    if (!means) {
      means = this.#makeMeans(endpoint)
      this.#means.set(endpoint, means)
    }
    return means
  }

  #makeMeans(endpoint: OpenEndpoint): Means {
    const tokenId = `endpoint:${endpoint.spec.slug}`
    const spend: Spend = (sql, run) => this.#spend(tokenId, sql, run)
    return {
      engine: this.#engine,
      keyOf: (table) => keyColumn(this.ctx.storage.sql, table),
      mint: (userId, email, ttlS) => this.#sessions.mint(userId, email, ttlS, now()),
      ask: this.#parts.ask(tokenId, spend),
      spend,
    }
  }

  async #ask(tokenId: string, spend: Spend, { spec, tableScope }: OpenEndpoint, question: string): Promise<unknown> {
    const { allowedTables, context, maxRows } = spec.askConfig as NonNullable<typeof spec.askConfig>
    const asking = { question, allowedTables: allowedTables.length > 0 ? allowedTables : tableScope, context, maxRows }
    const { sql, explanation } = await this.#assistant.generate(tokenId, asking)
    const { columns, rows } = spend(sql, () => this.#assistant.run(sql, asking))
    return { sql, columns, rows, explanation }
  }

  /** Runs a statement of an endpoint and charges it, in the turn, and so in the transaction, of what it writes. */
  #spend(tokenId: string, sql: string, run: () => Result, operation = 'endpoint'): Result {
    if (!this.#gates.canServe()) throw new PerSQLError('insufficient_balance')
    this.#tokenId = tokenId
    const [startedMs, nowMs] = [performance.now(), now()]
    const charge = (used: Pick<Result, 'rowsRead' | 'rowsWritten'>, failure?: unknown) => {
      const entry = { operation, sql, statementCount: 1, durationMs: performance.now() - startedMs }
      this.#charge({ tokenId }, entry, used, failure, nowMs)
    }
    if (sql.includes('_persql_')) this.#flushLog()
    this.#engine.begin()
    try {
      const result = run()
      charge(result)
      this.#settle()
      if (result.rowsWritten > 0) this.#lease.save()
      count('persql_rows_read_total', '', result.rowsRead)
      count('persql_rows_written_total', '', result.rowsWritten)
      return result
    } catch (cause) {
      if (cause instanceof OnHold) throw new PerSQLError('unavailable')
      charge(NOTHING, cause)
      throw cause
    }
  }

  /** Tells of what was changed, in the turn, and so in the transaction, of the change. */
  #settle(): void {
    const changes = this.#engine.takeChanges()
    if (changes.length === 0) return
    this.#feed.commit(changes)
    this.#webhooks.announce(changes.map((change) => ({ type: 'row.change', ...change })))
  }

  #flushLog(): void {
    if (this.#log.isEmpty || this.#exclusion.held) return
    this.#ownPages.around(() => this.#log.flush())
  }

  async #serveWithLease(address: string, call: DatabaseCall): Promise<string | Reply> {
    const [namespace, slug] = address.split('/') as [string, string]
    try {
      await this.#lease.credit(namespace, slug)
      if (this.#lease.canServe()) return await this.#serve(call)
      const nowMs = now()
      const kept = this.#lease.admits(call.grant, nowMs) ? this.#replay(call, nowMs) : undefined
      return kept ?? refuse(new PerSQLError('insufficient_balance'))
    } catch (cause) {
      return refuse(cause)
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
    this.#identity = undefined
    this.#forgetContent()
    this.#feed.forget()
  }

  #sweepReplays(nowMs: number): void {
    const next = this.#ownPages.around(() => this.#replays.sweep(nowMs))
    if (next !== undefined) this.#timers.set('replays', Math.max(next, nowMs + 60_000))
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
      spend: (tokenId, sql, run) => this.#spend(tokenId, sql, run, 'schedule'),
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
      JSON.stringify({ event: 'statement_started', id, database, tokenId: this.#tokenId, sql: sql.slice(0, 500) }),
    )
    return id
  }
}
