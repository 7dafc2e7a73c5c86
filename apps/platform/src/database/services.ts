import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { verifyCaptcha } from '../integrations/captcha.ts'
import { NOTHING } from '../money.ts'
import { removeEmptyFile } from '../object-files.ts'
import { getSettings } from '../settings.ts'
import { longTransactions } from '../storage/long-transaction.ts'
import { nativeAlarm } from '../storage/native-alarm.ts'
import type { Timers } from '../storage/timers.ts'
import { Access } from './calls/access.ts'
import { createStartSpan } from './calls/call-span.ts'
import { CallHandler } from './calls/calls.ts'
import { CurrentCaller } from './calls/current-caller.ts'
import { ExclusiveAccess } from './calls/exclusive-access.ts'
import { IdempotencyStore } from './calls/idempotency.ts'
import { createKeptAlarm, databaseObject } from './calls/neighbors.ts'
import { createDerive } from './endpoints/derive-outside.ts'
import { EndpointContextCache } from './endpoints/endpoint-context.ts'
import { RateLimits } from './endpoints/rate-limits.ts'
import { type EndpointGuards, resume } from './endpoints/serve.ts'
import { Sessions } from './endpoints/sessions.ts'
import { Endpoints } from './endpoints/store.ts'
import { Engine } from './engine/engine.ts'
import { ExclusiveLock } from './engine/exclusive-lock.ts'
import { Growth } from './engine/growth.ts'
import { createRunSql } from './engine/run-sql.ts'
import { SystemStorage } from './engine/system-storage.ts'
import { watchFor } from './engine/watch.ts'
import { WriteFreeze } from './engine/write-freeze.ts'
import { WriteSuspension } from './engine/write-suspension.ts'
import { ChangeAnnouncer } from './events/change-announcer.ts'
import { ChangeFeed } from './events/change-feed/feed.ts'
import { LongPollers } from './events/change-feed/long-poll.ts'
import { ChangeSockets } from './events/change-feed/sockets.ts'
import { Schedules } from './events/schedules/store.ts'
import { Webhooks } from './events/webhooks/delivery-worker.ts'
import { webhookSender } from './events/webhooks/sender.ts'
import { WebhookStore } from './events/webhooks/store.ts'
import { urlProblem } from './events/webhooks/validate-url.ts'
import { IdentityStore } from './identity.ts'
import { Assistant } from './insights/assistant/assistant.ts'
import { DocsStore } from './insights/assistant/descriptions.ts'
import { Advisor } from './insights/index-advisor/advisor.ts'
import { ScratchDatabase } from './insights/index-advisor/scratch-database.ts'
import { isPrepaidEnd } from './libsql/operations.ts'
import { Streams } from './libsql/streams.ts'
import { Deletion } from './lifecycle/deletion.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { Vacuum } from './lifecycle/vacuum.ts'
import { CallBilling } from './metering/charges.ts'
import { LeaseClient } from './metering/lease.ts'
import { QueryLog } from './metering/query-log.ts'
import { DatabaseQuotas } from './metering/quotas.ts'
import { Revocations } from './metering/revocations.ts'
import { RevokedKeys } from './metering/revoked-keys.ts'
import { GrowthWatch } from './metering/size/growth-watch.ts'
import { SampleTracker } from './metering/size/sample-tracker.ts'
import { SizeTracker } from './metering/size/size.ts'
import { DatabaseHandlers, type FeatureServices } from './operations.ts'
import { createReads } from './reads/create-reads.ts'
import { LongReads } from './reads/long-reads.ts'
import { TableFacts } from './reads/table-facts.ts'
import { Approvals } from './review/approvals/approvals.ts'
import { AuditOutbox } from './review/audit-outbox.ts'
import { Proposals } from './review/proposals/store.ts'
import { SavedQueries } from './saved-queries/store.ts'
import { databaseTimers, type TimerName } from './timers.ts'
import type { ContinuationServices } from './transactions/continuation.ts'
import { createKeep } from './transactions/held-statements.ts'
import { TransactionHold } from './transactions/hold.ts'
import { Mailbox } from './transactions/mailbox.ts'
import { isPrepaid } from './transactions/operations.ts'
import { Transactions } from './transactions/transactions.ts'
import { ImportStage } from './transfer/import-stage.ts'
import { Imports } from './transfer/imports.ts'
import { FileExport } from './transfer/sqlite-export.ts'
import { TransferSlots } from './transfer/transfer-slots.ts'
import { Content } from './versions/copy/content.ts'
import { CopyLoader } from './versions/copy/copy-loader.ts'
import { CopySource } from './versions/copy/source.ts'
import { CopyTarget } from './versions/copy/target.ts'
import { IdReservations } from './versions/ids/reservations.ts'
import { Seeds } from './versions/ids/seeds.ts'
import { BranchLoader } from './versions/merge/branch-loader.ts'
import { BranchState } from './versions/merge/branch-state.ts'
import { createMerges } from './versions/merge/create-merger.ts'
import { Ledger } from './versions/migrations/ledger.ts'
import { getBookmark } from './versions/migrations/run.ts'
import { Migrations } from './versions/migrations/store.ts'
import { SchemaChangeLog } from './versions/schema-changes.ts'
import { AutoSnapshotter } from './versions/snapshots/auto-snapshotter.ts'
import { createSnapshots } from './versions/snapshots/create-snapshots.ts'
import { SnapshotRestorer } from './versions/snapshots/snapshot-restorer.ts'
import type { Snapshots } from './versions/snapshots/snapshots.ts'

/** The size of a page of SQLite's files. */
const PAGE_BYTES = 4_096

/** The services of one database, created once per object. */
export type DatabaseServices = ReturnType<typeof createServices>

type Core = ReturnType<typeof createCore>
type Stores = ReturnType<typeof createStores>
type Events = ReturnType<typeof createEvents>
type Statements = ReturnType<typeof createStatements>
type Credit = ReturnType<typeof createCredit>
type Versions = ReturnType<typeof createVersions>

/** Functions of services that are created after the statements' services. */
interface LaterServices {
  readonly writtenRows: () => number
  readonly shortenDueLog: () => Promise<void>
}

/** Returns a function that schedules a timer. */
type Schedule = (name: TimerName) => (atMs: number) => void

/**
 * Creates the services of a database, in the order of their dependencies. Some read storage when they are created, and
 * the feed writes. Functions reach the few services that are created later.
 */
export function createServices(ctx: DurableObjectState, env: Env) {
  const at: Schedule = (name) => (atMs) => timers.set(name, atMs)
  const core = createCore(ctx, env, () => timers.nextMs)
  const stores = createStores(core, at)
  const events = createEvents(core, stores, at)
  const later = {
    writtenRows: () => credit.lease.totals.rowsWritten,
    shortenDueLog: () => versions.vacuum.shortenDueLog(),
  }
  const statements = createStatements(core, stores, events, at, later)
  const credit: Credit = createCredit(core, stores, events, statements)
  const versions: Versions = createVersions(core, stores, events, statements, credit)
  const calls = createCalls(core, stores, events, statements, credit, versions)
  const services = { ...core, ...stores, ...events, ...statements, ...credit, ...versions, ...calls }
  const timers: Timers<TimerName> = databaseTimers(core.storage.kv, core.alarm, services)
  return { ...services, timers }
}

/** Creates what all other services build on. */
function createCore(ctx: DurableObjectState, env: Env, nextMs: () => number | undefined) {
  const { storage } = ctx
  const settings = getSettings(env)
  const identity = new IdentityStore(storage.kv)
  const writes = new WriteFreeze()
  const hold = new TransactionHold(() => (exclusion.held ?? writes.frozen) !== undefined)
  const exclusion: ExclusiveLock = new ExclusiveLock(ctx, hold)
  const ownPages = new SystemStorage(storage)
  const quotas = new DatabaseQuotas(settings.quotas)
  const alarm = settings.runtime === 'cloudflare' ? nativeAlarm(storage) : createKeptAlarm(ctx, env)
  return {
    ...{ ctx, env, storage, settings, identity, writes, hold, exclusion, ownPages, quotas, alarm },
    handOverAlarm: () => alarm.handOver(nextMs),
    inTransaction: longTransactions(storage, settings.transactionTimeoutMs),
    isDatabase: () => identity.current !== undefined,
    growth: new Growth({ ownPages, quotas }),
    slots: new TransferSlots(identity, quotas),
    log: new QueryLog({ storage, identity, ownPages, exclusion }),
    caller: new CurrentCaller(),
    revoked: new RevokedKeys(),
  }
}

/** Creates the stores of records beside the tables. */
function createStores({ ctx, env, storage, alarm, identity, ownPages, quotas, isDatabase }: Core, at: Schedule) {
  return {
    replays: new IdempotencyStore(storage, () => quotas.limits.replay_bytes, at('replays')),
    endpoints: new Endpoints(storage, ownPages),
    rateLimits: new RateLimits(storage, ownPages, at('rates')),
    sessions: new Sessions(storage, ownPages),
    outbox: new AuditOutbox({ ctx, env, ownPages, identity, deliverAt: at('deeds') }),
    approvals: new Approvals(storage, ownPages, at('approvals'), () => identity.known),
    proposals: new Proposals(storage, ownPages, at('proposals')),
    webhookStore: new WebhookStore(storage, ownPages),
    schedules: new Schedules(storage, ownPages, at('schedules')),
    scratch: new ScratchDatabase({ storage, alarm, occupied: isDatabase, wipeAt: at('scratch') }),
    fileExport: new FileExport(storage, isDatabase),
    stage: new ImportStage({
      ...{ storage, alarm, occupied: isDatabase, sweepAt: at('stage') },
      removeFile: () => removeEmptyFile(env, ctx.id.toString()),
    }),
    schemaChanges: new SchemaChangeLog(storage, ownPages),
    ledger: new Ledger(storage, ownPages, isDatabase),
    seeds: new Seeds(storage, ownPages),
    docs: new DocsStore(storage, ownPages),
    migrations: new Migrations(storage, ownPages),
    savedQueries: new SavedQueries(storage, ownPages),
  }
}

/** Creates what notifies subscribers. */
function createEvents(core: Core, { webhookStore, outbox }: Stores, at: Schedule) {
  const { ctx, storage, ownPages, identity, revoked, settings, quotas } = core
  const feed = new ChangeFeed(storage, ownPages, now)
  return {
    feed,
    waiting: new LongPollers(feed),
    sockets: new ChangeSockets({ ctx, feed, revoked, quotas, now, sweepAt: at('sockets') }),
    webhooks: new Webhooks({
      store: webhookStore,
      now,
      name: () => `${identity.current?.namespace}:${identity.current?.slug}`,
      send: webhookSender(core.env, settings.dev),
      sweepAt: at('webhooks'),
      audit: (...event) => outbox.note('persql', ...event),
    }),
  }
}

/** Creates what runs statements, and the snapshots that they can require. */
function createStatements(core: Core, stores: Stores, events: Events, at: Schedule, later: LaterServices) {
  const { ctx, storage, identity, ownPages, exclusion, writes, hold, caller, settings } = core
  const { schemaChanges, webhookStore, approvals, seeds } = stores
  const { feed, webhooks } = events
  const history: Snapshots = createSnapshots({
    ...{ env: core.env, storage, identity, ownPages, slots: core.slots, quotas: core.quotas },
    sweepAt: at('snapshots'),
    created: () => samples.sample(),
  })
  const samples = new SampleTracker({ storage, ownPages, now, exclusion, history, isDatabase: core.isDatabase })
  const keeper = new AutoSnapshotter({ storage, ownPages, history, writes, now })
  const facts = new TableFacts(createRunSql(storage.sql), later.writtenRows)
  const longReads = new LongReads(facts, () => storage.sql.databaseSize / PAGE_BYTES)
  const watch = { identity, caller, schemaChanges, keeper, feed, webhookStore, longReads, growth: core.growth }
  const suspension = new WriteSuspension(storage.kv, ownPages, identity, settings)
  const engine = new Engine(
    storage,
    ownPages,
    watchFor(ctx, watch, settings),
    approvals.gate,
    suspension,
    core.growth,
    seeds,
    (isRead) => exclusion.held !== undefined || (!isRead && (writes.frozen !== undefined || hold.blocks)),
  )
  const reads = createReads({ ...core, shortenDueLog: later.shortenDueLog }, engine, longReads)
  const announcer = new ChangeAnnouncer(engine, feed, webhooks)
  return { history, samples, keeper, engine, facts, reads, suspension, announcer }
}

/** Creates what pays for calls, and what creates and deletes the database. */
function createCredit(core: Core, stores: Stores, events: Events, statements: Statements) {
  const {
    ctx,
    env,
    storage,
    alarm,
    identity,
    exclusion,
    ownPages,
    log,
    caller,
    revoked,
    quotas,
    growth,
    writes,
    hold,
  } = core
  const { sessions, approvals, endpoints, rateLimits, seeds, webhookStore, replays } = stores
  const { feed, waiting, sockets } = events
  const { history, samples, engine, announcer, facts, reads, suspension } = statements
  const size = new SizeTracker({ storage, ownPages, now, exclusion, samples, totals: () => lease.totals })
  const transactions = new Transactions({
    ...{ hold, now },
    reserveFee: () => lease.reserve(),
    releaseFee: () => lease.unreserve(),
    keep: createKeep(identity, 'transactions'),
  })
  const caches = [endpoints, rateLimits, approvals.rules, engine, facts, seeds, webhookStore, replays, transactions]
  const revocations = new Revocations({ env, identity, revoked, sessions, sockets, transactions })
  const lease: LeaseClient = new LeaseClient({
    ...{ env, storage, identity, exclusion, size, samples, log, revocations, quotas, history },
    handOverAlarm: core.handOverAlarm,
    lifecycle: { adopt: (adopted) => lifecycle.adopt(adopted), wipe: (id) => lifecycle.wipe(id) },
  })
  const access = new Access({ identity, exclusion, lease, revoked })
  const subscribers = [waiting, sockets]
  const memories = [transactions, lease, log, size, samples, revoked, suspension, ...caches, feed]
  const deletion = new Deletion({ ctx, alarm, identity, exclusion, history, reads, subscribers, memories })
  const lifecycle = new Lifecycle({
    storage,
    identity,
    ownPages,
    caches: [approvals.rules, engine],
    deletion,
    begin: () => lease.begin(),
  })
  const growthWatch = new GrowthWatch({
    ...{ file: storage.sql, exclusion, growth, samples, size, quotas, writes },
    report: () => access.requestLease(),
  })
  const charges = new CallBilling({
    identity,
    access,
    caller,
    lease,
    log,
    engine,
    announcer,
    growthWatch,
    transactions,
  })
  return { caches, size, revocations, transactions, lease, access, deletion, lifecycle, charges, growthWatch }
}

/** Creates what copies, restores, branches and merges databases. */
function createVersions(core: Core, stores: Stores, events: Events, statements: Statements, credit: Credit) {
  const { ctx, env, storage, inTransaction, identity, exclusion, writes, ownPages, growth } = core
  const { schemaChanges, ledger, seeds } = stores
  const { feed, webhooks } = events
  const { history, samples, keeper, engine, facts, reads } = statements
  const { caches, size, lease, lifecycle, growthWatch } = credit
  const exclusive = new ExclusiveAccess({ exclusion, writes, caches, size, samples, feed, webhooks })
  const content = new Content({ storage, ownPages, seeds, ledger })
  const loader = new CopyLoader({ env, storage, inTransaction, exclusive })
  return {
    exclusive,
    source: new CopySource({
      ...{ storage, identity, exclusion, writes, ledger },
      charge: (rowsRead) => {
        // An automatic snapshot is free: no caller requested it.
        if (!keeper.isKeeping) lease.charge({ ...NOTHING, rowsRead }, 'copy')
      },
    }),
    target: new CopyTarget({ storage, identity, lifecycle, loader, content }),
    restorer: new SnapshotRestorer({ storage, identity, history, loader, content, schemaChanges, growth }),
    reservations: new IdReservations({ storage, ownPages, identity, exclusion }),
    branch: new BranchState({ storage, identity, exclusion, seeds, schemaChanges, ledger }),
    branchLoader: new BranchLoader({ env, storage, lifecycle, history, exclusive, content }),
    ...createMerges({ ...core, ...stores, history, exclusive }),
    vacuum: new Vacuum({
      ...{ ctx, env, identity, ownPages, lease, size, caches: [engine, facts, growthWatch] },
      isBusy: () => exclusive.busy !== undefined || reads.areRunning || lease.isWaiting,
      isLogRead: () => reads.haveFileOpen,
    }),
  }
}

/** Creates the handlers of operations and endpoints, and what calls them. */
function createCalls(
  core: Core,
  stores: Stores,
  events: Events,
  statements: Statements,
  credit: Credit,
  versions: Versions,
) {
  const { ctx, env, storage, settings, identity, ownPages, log, slots } = core
  const { docs, sessions, endpoints, rateLimits, replays, outbox } = stores
  const { engine, reads, keeper, announcer } = statements
  const { lease, access, charges, transactions } = credit
  const { exclusive } = versions
  const assistant = new Assistant(env, engine, reads, storage.sql, docs, (tokenId, aiTokens) =>
    lease.chargeAiTokens(tokenId, aiTokens),
  )
  const derive = createDerive(env, identity, lease)
  const means = new EndpointContextCache({
    ...{ storage, reads, sessions, assistant, charges, derive },
    resume: (endpoint) => resume(endpoint, gates),
  })
  const advisor = new Advisor({ env, storage, identity, log })
  const imports = new Imports({
    ...{ storage, ownPages, now, slots },
    ready: (address, grant) => access.assertReady(address, grant),
  })
  const features: FeatureServices = {
    ...{ ...core, ...stores, ...events, ...statements, ...versions, now, assistant, imports, derive, transactions },
    audit: (...event) => outbox.note(...event),
    ask: (tokenId, spend) => means.ask(tokenId, spend),
    advise: (tableScope) => advisor.advise(tableScope),
    admits: (grant) => access.admits(grant),
    getStage: (id) => databaseObject(env, identity.known.namespace, `${identity.known.slug}!import-${id}`).stage,
    alone: (work, changes) => exclusive.runAlone(work, changes),
    settle: (call, outcome, startedMs) => calls.settle(call, outcome, startedMs),
    webhookProblem: (url) => urlProblem(url, settings.dev),
    streams: new Streams(now, createKeep(identity, 'streams')),
    bookmark: settings.runtime === 'cloudflare' ? () => getBookmark(storage) : undefined,
  }
  const startSpan = createStartSpan(settings, ctx)
  const calls: CallHandler = new CallHandler({
    ...{ identity, access, exclusive, lease, engine, keeper, replays, ownPages, log, charges, announcer, startSpan },
    ...{ transactions, isPrepaid: (call) => isPrepaid(call, features) || isPrepaidEnd(call, features) },
    handlers: new DatabaseHandlers(features),
  })
  const gates: EndpointGuards = {
    ...{ endpoints, rateLimits, sessions, now },
    canServe: () => access.canServe,
    busy: () => exclusive.busy,
    credit: () => access.requestCredit(),
    verifyCaptcha: (token, address) => verifyCaptcha(env, token, address),
    meansFor: (endpoint) => means.of(endpoint),
  }
  const continuations: ContinuationServices = {
    ...{ storage, engine, exclusion: core.exclusion, hold: core.hold, transactions, lease },
    serve: (call, inside) => calls.serveInside(call, inside),
    findStream: (transactionId) => features.streams.findByTransaction(transactionId),
    hasWritten: (durationMs) => credit.growthWatch.called(durationMs),
  }
  return { calls, gates, imports, startSpan, continuations, mailbox: new Mailbox(env) }
}
