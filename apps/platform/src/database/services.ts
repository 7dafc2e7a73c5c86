import { PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { verifyCaptcha } from '../integrations/captcha.ts'
import { NOTHING } from '../money.ts'
import { discardObject } from '../object-files.ts'
import { settingsOf } from '../settings.ts'
import { type LongTransaction, longTransactions } from '../storage/long-transaction.ts'
import type { Timers } from '../storage/timers.ts'
import { Access } from './calls/access.ts'
import { CallHandler } from './calls/calls.ts'
import { IdempotencyStore } from './calls/idempotency.ts'
import { databaseObject, namespaceObject } from './calls/neighbors.ts'
import { EndpointContextCache } from './endpoints/endpoint-context.ts'
import { RateLimits } from './endpoints/rate-limits.ts'
import type { EndpointGuards } from './endpoints/serve.ts'
import { Sessions } from './endpoints/sessions.ts'
import { Endpoints } from './endpoints/store.ts'
import { Engine } from './engine/engine.ts'
import { ExclusiveLock } from './engine/exclusive-lock.ts'
import { SystemStorage } from './engine/system-storage.ts'
import { watchFor } from './engine/watch.ts'
import { ChangeFeed } from './events/change-feed/feed.ts'
import { LongPollers } from './events/change-feed/long-poll.ts'
import { ChangeSockets } from './events/change-feed/sockets.ts'
import { Schedules } from './events/schedules/store.ts'
import { Webhooks } from './events/webhooks/delivery-worker.ts'
import { WebhookStore } from './events/webhooks/store.ts'
import { isLoopback, urlProblem } from './events/webhooks/validate-url.ts'
import { IdentityStore } from './identity.ts'
import { Assistant } from './insights/assistant/assistant.ts'
import { DocsStore } from './insights/assistant/descriptions.ts'
import { Advisor } from './insights/index-advisor/advisor.ts'
import { ScratchDatabase } from './insights/index-advisor/scratch-database.ts'
import { Lifecycle } from './lifecycle.ts'
import { CallBilling } from './metering/charges.ts'
import { LeaseClient } from './metering/lease.ts'
import { QueryLog } from './metering/query-log.ts'
import { SizeTracker } from './metering/size/size.ts'
import { databaseOperations, type FeatureServices } from './operations.ts'
import { Approvals } from './review/approvals/approvals.ts'
import { AuditOutbox } from './review/audit-outbox.ts'
import { Proposals } from './review/proposals/store.ts'
import { SavedQueries } from './saved-queries/store.ts'
import { databaseTimers, type TimerName } from './timers.ts'
import { ImportStage } from './transfer/import-stage.ts'
import { Imports } from './transfer/imports.ts'
import { FileExport } from './transfer/sqlite-export.ts'
import { Content } from './versions/copy/content.ts'
import { CopySource } from './versions/copy/source.ts'
import { CopyTarget } from './versions/copy/target.ts'
import { Seeds } from './versions/ids/seeds.ts'
import { Branching } from './versions/merge/branching.ts'
import { Merger } from './versions/merge/merger.ts'
import { Ledger } from './versions/migrations/ledger.ts'
import { bookmarkOf } from './versions/migrations/run.ts'
import { Migrations } from './versions/migrations/store.ts'
import { SchemaChangeLog } from './versions/schema-changes.ts'
import { AutoSnapshotter } from './versions/snapshots/auto-snapshotter.ts'
import { Snapshots } from './versions/snapshots/snapshots.ts'

/**
 * The services of one database. Their order matters: some read storage when they are created, and the feed writes.
 * Closures, and classes that receive this object, reach services that are created later.
 */
export class Services {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly identity: IdentityStore
  readonly replays: IdempotencyStore
  readonly ownPages: SystemStorage
  readonly log: QueryLog
  readonly size: SizeTracker
  readonly lease: LeaseClient
  readonly exclusion: ExclusiveLock
  readonly endpoints: Endpoints
  readonly rateLimits: RateLimits
  readonly sessions: Sessions
  readonly outbox: AuditOutbox
  readonly approvals: Approvals
  readonly proposals: Proposals
  readonly timers: Timers<TimerName>
  readonly feed: ChangeFeed
  readonly waiting: LongPollers
  readonly sockets: ChangeSockets
  readonly webhookStore: WebhookStore
  readonly webhooks: Webhooks
  readonly schedules: Schedules
  readonly scratch: ScratchDatabase
  readonly fileExport: FileExport
  readonly stage: ImportStage
  readonly imports: Imports
  readonly schemaChanges: SchemaChangeLog
  readonly ledger: Ledger
  readonly seeds: Seeds
  readonly engine: Engine
  readonly charges: CallBilling
  readonly docs: DocsStore
  readonly source: CopySource
  readonly history: Snapshots
  readonly keeper: AutoSnapshotter
  readonly calls: CallHandler
  readonly gates: EndpointGuards
  readonly lifecycle: Lifecycle
  readonly content: Content
  readonly access: Access
  readonly target: CopyTarget
  readonly branching: Branching

  constructor(ctx: DurableObjectState, env: Env) {
    const { storage } = ctx
    const settings = settingsOf(env)
    this.env = env
    this.storage = storage
    this.lifecycle = new Lifecycle(ctx, this)
    this.content = new Content(storage, this)
    this.access = new Access(this)
    this.inTransaction = longTransactions(storage, settings.transactionTimeoutMs)
    this.identity = new IdentityStore(storage.kv)
    const identity = () => this.identity.current
    const isDatabase = () => this.identity.current !== undefined
    const held = () => this.exclusion.held
    const isHeld = () => this.exclusion.held !== undefined
    const at = (name: TimerName) => (atMs: number) => this.timers.set(name, atMs)
    this.replays = new IdempotencyStore(storage)
    this.ownPages = new SystemStorage(storage)
    const { ownPages } = this
    this.log = new QueryLog(storage, identity)
    this.size = new SizeTracker({ storage, ownPages, now, totals: () => this.lease.totals, isHeld })
    this.lease = new LeaseClient({
      ...{ env, kv: storage.kv, identity, size: this.size, isHeld },
      sync: () => storage.sync(),
      adopt: (adopted) => this.lifecycle.adopt(adopted),
      wipe: (id) => this.lifecycle.wipe(id),
      listening: () => [...this.sockets.keys(), ...this.sessions.minters()],
      ended: (keys) => this.sessions.end(keys),
      beat: () => this.charges.flushLog(),
    })
    this.exclusion = new ExclusiveLock(ctx, (changed) => this.content.replaced(changed))
    this.endpoints = new Endpoints(storage, ownPages)
    this.rateLimits = new RateLimits(storage, ownPages, at('rates'))
    this.sessions = new Sessions(storage, ownPages)
    this.outbox = new AuditOutbox({ ctx, env, ownPages, identity, deliverAt: at('deeds') })
    this.approvals = new Approvals(storage, ownPages, at('approvals'), () => this.identity.known)
    this.proposals = new Proposals(storage, ownPages, at('proposals'))
    this.timers = databaseTimers(storage, this)
    this.feed = new ChangeFeed(storage, ownPages, now)
    this.waiting = new LongPollers(this.feed)
    this.sockets = new ChangeSockets({
      ...{ ctx, feed: this.feed, now, sweepAt: at('sockets') },
      admits: (bearer) => this.lease.isTokenValid(bearer, now()),
    })
    this.webhookStore = new WebhookStore(storage, ownPages)
    this.webhooks = createWebhooks(this, settings.dev, at('webhooks'))
    this.schedules = new Schedules(storage, ownPages, at('schedules'))
    this.scratch = new ScratchDatabase({ storage, occupied: isDatabase, wipeAt: at('scratch') })
    this.fileExport = new FileExport(storage, isDatabase)
    this.stage = new ImportStage({ storage, occupied: isDatabase, sweepAt: at('stage') })
    this.imports = new Imports({
      ...{ storage, ownPages, now },
      ready: (address, grant) => this.access.assertReady(address, grant),
    })
    this.schemaChanges = new SchemaChangeLog(storage, ownPages)
    this.ledger = new Ledger(storage, ownPages, isDatabase)
    this.seeds = new Seeds(storage, ownPages)
    this.engine = new Engine(
      storage,
      ownPages,
      watchFor(ctx, this, settings.queryTimeoutMs),
      this.approvals.gate,
      this.seeds,
      (isRead) => isHeld() || (!isRead && this.source.frozen !== undefined),
    )
    this.charges = new CallBilling({
      ...{ lease: this.lease, log: this.log, ownPages, engine: this.engine, feed: this.feed, webhooks: this.webhooks },
      ...{ isHeld, canServe: () => this.access.canServe },
    })
    this.docs = new DocsStore(storage, ownPages)
    const { engine, docs, sessions, charges } = this
    const assistant = new Assistant(env, engine, storage.sql, docs, (tokenId, aiTokens) =>
      this.chargeAiTokens(tokenId, aiTokens),
    )
    const means = new EndpointContextCache({ storage, engine, sessions, assistant, charges })
    this.target = new CopyTarget(this)
    this.source = createSource(this, held)
    this.history = createHistory(this, at('snapshots'))
    this.keeper = new AutoSnapshotter({
      storage,
      ownPages,
      history: this.history,
      now,
      freeze: () => this.source.freeze(),
    })
    const merger = createMerger(this)
    const advisor = new Advisor(this)
    const features: FeatureServices = {
      ...{ storage, inTransaction: this.inTransaction, now, engine, docs, sessions, assistant, merger },
      ...{ endpoints: this.endpoints, history: this.history, keeper: this.keeper, imports: this.imports },
      ...{ proposals: this.proposals, approvals: this.approvals, schedules: this.schedules },
      ...{ schemaChanges: this.schemaChanges, feed: this.feed, waiting: this.waiting, sockets: this.sockets },
      ...{ webhookStore: this.webhookStore, webhooks: this.webhooks },
      migrations: new Migrations(storage, ownPages),
      savedQueries: new SavedQueries(storage, ownPages),
      audit: (...deed) => this.outbox.note(...deed),
      ask: (tokenId, spend) => means.ask(tokenId, spend),
      advise: (tableScope) => advisor.advise(tableScope),
      admits: (grant) => this.access.admits(grant),
      stageOf: (id) =>
        databaseObject(env, this.identity.known.namespace, `${this.identity.known.slug}!import-${id}`).stage,
      alone: (work, changes) => this.access.runAlone(work, changes),
      settle: (call, outcome, startedMs) => this.calls.settle(call, outcome, startedMs),
      webhookProblem: (url) => urlProblem(url, settings.dev),
      bookmark: settings.runtime === 'cloudflare' ? () => bookmarkOf(storage) : undefined,
    }
    this.calls = new CallHandler({
      ...{ identity, lease: this.lease, engine, keeper: this.keeper, replays: this.replays, ownPages, charges, held },
      handlers: databaseOperations(features),
      busy: () => this.access.busy,
      sweepReplaysAt: at('replays'),
    })
    this.gates = {
      ...{ endpoints: this.endpoints, rateLimits: this.rateLimits, sessions, now },
      canServe: () => this.access.canServe,
      credit: () => this.access.requestCredit(),
      verifyCaptcha: (token, address) => verifyCaptcha(env, token, address),
      meansFor: (endpoint) => means.of(endpoint),
    }
    this.branching = new Branching(this)
  }

  /** Charges AI tokens and saves the charge before any other work. */
  chargeAiTokens(tokenId: string, aiTokens: number): void {
    this.lease.charge({ ...NOTHING, aiTokens }, tokenId)
    this.lease.save()
  }
}

/**
 * Creates the webhooks. They are sent through a network that reaches only public IP addresses, so no hostname can lead
 * to a private one.
 */
function createWebhooks(services: Services, dev: boolean, sweepAt: (atMs: number) => void): Webhooks {
  const { PUBLIC_NETWORK: network } = services.env
  return new Webhooks({
    store: services.webhookStore,
    now,
    name: () => `${services.identity.current?.namespace}:${services.identity.current?.slug}`,
    send: (url, init) => (network && !(dev && isLoopback(new URL(url))) ? network.fetch(url, init) : fetch(url, init)),
    sweepAt,
    audit: (...deed) => services.outbox.note('persql', ...deed),
  })
}

/** Creates the source that other objects copy this object from. */
function createSource(services: Services, held: () => Promise<void> | undefined): CopySource {
  return new CopySource(
    (sql, ...params) => {
      const cursor = services.storage.sql.exec(sql, ...params)
      return { rows: [...cursor.raw()], rowsRead: cursor.rowsRead }
    },
    (id) => services.access.assertSource(id),
    (rowsRead) => {
      // An automatic snapshot is free: no caller requested it.
      if (!services.keeper.isKeeping) services.lease.charge({ ...NOTHING, rowsRead }, 'copy')
    },
    services.ledger,
    held,
    (table) => services.target.damagedIn(table),
  )
}

/** Creates the snapshots. Each is an object that no database address can name: slugs have no `@`. */
function createHistory(services: Services, sweepAt: (atMs: number) => void): Snapshots {
  const { env, storage, ownPages, identity } = services
  return new Snapshots({
    storage,
    ownPages,
    now,
    copyTo: (id) => {
      const { namespace, slug, id: databaseId } = identity.known
      const snapshot = databaseObject(env, namespace, `${slug}@${id}`)
      return snapshot.copyFrom(undefined, { namespace, name: slug, id: databaseId })
    },
    copyFrom: (id, restore) => {
      const { namespace, slug } = identity.known
      return services.target.copyFrom(undefined, { namespace, name: `${slug}@${id}`, id: undefined }, restore)
    },
    wipe: (id) => {
      const { namespace, slug } = identity.known
      return discardObject(env, namespace, `${slug}@${id}`, id)
    },
    sweepAt,
  })
}

/** Creates the merger of branches into this database. */
function createMerger(services: Services): Merger {
  const { env, storage, inTransaction, ownPages, history, schemaChanges, ledger, seeds, identity } = services
  return new Merger({
    ...{ storage, inTransaction, ownPages, history, schemaChanges, ledger, seeds, now },
    hold: () => services.source.freeze(),
    permit: (tables) => services.approvals.gate.changed(tables),
    alone: (changes, work) =>
      services.access.replace(() => {
        if (!identity.current) throw new PerSQLError('database_not_found', {})
        return work()
      }, changes),
    branches: async () =>
      (await namespaceObject(env, identity.known.namespace).branches.list(identity.known.slug)).items,
    branch: (slug) => databaseObject(env, identity.known.namespace, slug),
    note: (actor, ref, detail) => services.outbox.keep(actor, 'database.branch_merged', ref, detail),
  })
}
