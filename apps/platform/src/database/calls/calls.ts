import { type ErrorCode, PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { CallArguments } from '../../continued.ts'
import { disk } from '../../disk-space.ts'
import { NOTHING } from '../../money.ts'
import { type CallAnswer, type Reply, refuse } from '../../reply.ts'
import type { Engine } from '../engine/engine.ts'
import { DatabaseLocked, RetryRequired } from '../engine/retry-required.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { ChangeAnnouncer } from '../events/change-announcer.ts'
import type { IdentityStore } from '../identity.ts'
import { type CallBilling, OF_DISK } from '../metering/charges.ts'
import type { LeaseClient } from '../metering/lease.ts'
import { MAX_LOGGED_SQL, type QueryLog } from '../metering/query-log.ts'
import type { DatabaseOperation, ProtocolCall } from '../operations.ts'
import { toCommitKey } from '../transactions/commit-key.ts'
import { busy, ContinueRequired, FailedInTransaction, HoldRequired } from '../transactions/hold.ts'
import type { Inside } from '../transactions/inside.ts'
import type { Transactions } from '../transactions/transactions.ts'
import { type AutoSnapshotter, SnapshotRequired } from '../versions/snapshots/auto-snapshotter.ts'
import type { Access } from './access.ts'
import { type DatabaseCall, Grants, type ReplayKey } from './call.ts'
import { splitAddress } from './call-address.ts'
import { endCallSpan, type StartSpan } from './call-span.ts'
import type { ExclusiveAccess } from './exclusive-access.ts'
import type { Handler } from './handler.ts'
import type { IdempotencyStore } from './idempotency.ts'
import type { Outcome } from './outcome.ts'
import { buildResponseBody, sentSql } from './response.ts'

/** Operations that create an automatic snapshot before a destructive statement. */
const KEEPS: ReadonlySet<string> = new Set<DatabaseOperation | ProtocolCall>([
  'query',
  'batch',
  'script',
  'apply',
  'apply_migration',
  'redeem_approval',
  'import_database',
  'libsql_pipeline',
  'libsql_cursor',
  'libsql_socket',
  'commit_transaction',
])
/** Operations that read the query log. */
const OF_LOG: ReadonlySet<string> = new Set<DatabaseOperation | ProtocolCall>(['get_insights', 'get_endpoint_traffic'])
const UNBILLED = new Set<ErrorCode>([
  ...(['invalid_json', 'invalid_input', 'idempotency_mismatch', 'replay_dropped', 'token_unknown'] as const),
  ...OF_DISK,
])

/** A call of an operation that has a handler. */
interface Call extends DatabaseCall {
  readonly operation: DatabaseOperation | ProtocolCall
}

interface CallsOptions {
  readonly identity: IdentityStore
  readonly access: Access
  readonly exclusive: ExclusiveAccess
  readonly lease: LeaseClient
  readonly engine: Engine
  readonly keeper: AutoSnapshotter
  readonly replays: IdempotencyStore
  readonly ownPages: SystemStorage
  readonly log: QueryLog
  readonly charges: CallBilling
  readonly announcer: ChangeAnnouncer
  readonly handlers: { get(name: DatabaseOperation | ProtocolCall): Handler }
  readonly startSpan: StartSpan
  readonly transactions: Transactions
  /** Returns whether the fee of a call was reserved before. */
  readonly isPrepaid: (call: DatabaseCall) => boolean
}

/** Runs the calls of one database. Without a cold start or a queue it awaits nothing. */
export class CallHandler {
  readonly #options: CallsOptions
  readonly #grants = new Grants()
  /** Responses of calls that were charged in their own transaction. */
  readonly #settled = new WeakMap<Outcome, CallAnswer>()

  constructor(options: CallsOptions) {
    this.#options = options
  }

  take(
    operation: DatabaseOperation | ProtocolCall,
    address: string,
    grant: string,
    body: string,
    replayKeys: readonly ReplayKey[],
  ): CallAnswer | Promise<CallAnswer> {
    const [name = '', requestId, traceparent, transactionId] = splitAddress(address)
    const span = traceparent === undefined ? undefined : this.#options.startSpan(traceparent, operation)
    const call = { operation, grant: this.#grants.of(grant), body, replayKeys, requestId, span, transactionId }
    const answer = this.#options.exclusive.held ? this.#later(name, call) : this.#resume(name, call)
    return span === undefined ? answer : endCallSpan(span, name, operation, answer)
  }

  /** Runs a call of a continued transaction, in which nothing can be awaited. */
  async serveInside([operation, address, grant, body, keys = []]: CallArguments, inside: Inside): Promise<CallAnswer> {
    const [, requestId, traceparent, transactionId] = splitAddress(address)
    const span = traceparent === undefined ? undefined : this.#options.startSpan(traceparent, operation)
    const call = {
      ...{ operation: operation as Call['operation'], grant: this.#grants.of(grant), body, requestId, span },
      ...{ replayKeys: keys as readonly ReplayKey[], transactionId, ticket: inside.transactionId, inside },
    }
    const { access, lease, isPrepaid } = this.#options
    lease.touch()
    if (access.canServe || isPrepaid(call)) return this.#serve(call)
    const nowMs = now()
    const kept = access.admits(call.grant, nowMs) ? this.#replay(call, nowMs) : undefined
    return kept ?? refuse(new PerSQLError('insufficient_balance'))
  }

  /** Charges for a running call, in its transaction. */
  settle(call: DatabaseCall, outcome: Outcome, startedMs: number): void {
    this.#settled.set(outcome, this.#finish(call, outcome, startedMs, now()))
    this.#options.lease.saveNow()
  }

  #resume(address: string, call: Call): CallAnswer | Promise<CallAnswer> {
    return this.#options.access.canServe ? this.#serve(call) : this.#serveWithLease(address, call)
  }

  /** Serves a call that has to wait for a copy from or to this object, or for an open transaction. */
  async #later(address: string, call: Call): Promise<CallAnswer> {
    const { lease, exclusive, transactions } = this.#options
    const startedMs = performance.now()
    try {
      await lease.awaiting(() => exclusive.busy ?? transactions.waitToWrite())
    } catch (cause) {
      return this.#fail(call, cause, startedMs, now())
    }
    return this.#resume(address, call)
  }

  /** Serves a call whose transaction has to wait until it may write. */
  async #afterOthers(address: string, call: Call, { transactionId }: HoldRequired): Promise<CallAnswer> {
    const { lease, transactions } = this.#options
    const startedMs = performance.now()
    try {
      await lease.awaiting(() => transactions.waitToWrite(transactionId))
      return await this.#resume(address, { ...call, ticket: transactionId })
    } catch (cause) {
      const failure = transactions.get(transactionId) ? new FailedInTransaction(cause, transactionId) : cause
      return this.#fail(call, failure, startedMs, now())
    } finally {
      transactions.releaseUnused(transactionId)
    }
  }

  /** Serves a call after creating the snapshot that it requires. */
  async #keepFirst(address: string, call: Call, first: SnapshotRequired): Promise<CallAnswer> {
    const { lease, keeper } = this.#options
    try {
      return await lease.awaiting(() => keeper.keep(first, (kept) => this.#resume(address, { ...call, kept })))
    } catch (cause) {
      return refuse(cause)
    }
  }

  async #serveWithLease(address: string, call: Call): Promise<CallAnswer> {
    const { access, lease } = this.#options
    const [namespace, slug] = address.split('/') as [string, string]
    try {
      await lease.credit(namespace, slug)
      if (lease.canServe()) return await this.#serve(call)
      const nowMs = now()
      const kept = access.admits(call.grant, nowMs) ? this.#replay(call, nowMs) : undefined
      if (!kept && this.#options.isPrepaid(call)) return await this.#serve(call)
      return kept ?? refuse(new PerSQLError('insufficient_balance'))
    } catch (cause) {
      return refuse(cause)
    }
  }

  #serve(call: Call): CallAnswer | Promise<CallAnswer> {
    const { grant, operation } = call
    const { access, charges, log, keeper, engine, handlers } = this.#options
    const nowMs = now()
    if (!access.admits(grant, nowMs)) return refuse(new PerSQLError('token_unknown'))
    charges.begin(grant.tokenId)
    const startedMs = performance.now()
    try {
      const kept = this.#replay(call, nowMs)
      if (kept) return kept
      // A reader of the log finds the last call in it.
      if (OF_LOG.has(operation) || call.body.includes('_persql_')) log.flush()
      keeper.begin(call.kept)
      engine.begin(KEEPS.has(operation) || call.inside !== undefined, call.inside !== undefined)
      const outcome = handlers.get(operation)(call)
      return outcome instanceof Promise
        ? this.#await(call, outcome, startedMs, nowMs)
        : this.#finish(call, outcome, startedMs, nowMs)
    } catch (cause) {
      return this.#fail(call, cause, startedMs, nowMs)
    }
  }

  /** Other calls run while this one awaits, so the database can be deleted in that time. */
  async #await(call: Call, outcome: Promise<Outcome>, startedMs: number, nowMs: number): Promise<CallAnswer> {
    const { identity, lease } = this.#options
    const was = identity.known
    const ended = async () => {
      try {
        const done = await outcome
        if (identity.current === was) return this.#settled.get(done) ?? this.#finish(call, done, startedMs, nowMs)
      } catch (cause) {
        if (identity.current === was) return await this.#fail(call, cause, startedMs, nowMs)
      }
      return refuse(new PerSQLError('database_not_found', { database: was.slug }))
    }
    // A long-poll request must not hold the lease's credit.
    return call.operation === 'wait_for_changes' ? ended() : lease.awaiting(ended)
  }

  #fail(call: Call, failure: unknown, startedMs: number, nowMs: number): Reply | Promise<CallAnswer> {
    const { grant, operation, body } = call
    const isOfTransaction = failure instanceof FailedInTransaction
    const cause = isOfTransaction ? failure.cause : failure
    const transactionId = isOfTransaction ? failure.transactionId : call.transactionId
    const { identity, charges, announcer } = this.#options
    const { namespace, slug } = identity.current ?? {}
    if (call.inside && cause instanceof RetryRequired) return refuse(busy())
    if (cause instanceof ContinueRequired) return this.#continue(call, cause)
    if (cause instanceof HoldRequired) return this.#afterOthers(`${namespace}/${slug}`, call, cause)
    if (cause instanceof DatabaseLocked) return this.#later(`${namespace}/${slug}`, call)
    if (cause instanceof SnapshotRequired) return this.#keepFirst(`${namespace}/${slug}`, call, cause)
    const reply = refuse(cause)
    if (reply.code && UNBILLED.has(reply.code)) return reply
    if (!call.inside?.isRunning) announcer.announce()
    const durationMs = performance.now() - startedMs
    charges.charge(
      grant.tokenId,
      { operation, sql: sentSql(body), statementCount: 0, durationMs, transactionId },
      NOTHING,
      cause,
      nowMs,
    )
    call.span?.note({ 'db.query.text': toLoggedSql(sentSql(body)) })
    return reply
  }

  /** Returns the call to the Worker, because its transaction has to be continued. */
  #continue({ grant }: Call, { transactionId }: ContinueRequired): Reply {
    const { tokenId, secretId = tokenId } = grant
    return { status: 409, body: '', continues: { transactionId, keys: [secretId, tokenId] } }
  }

  #replay(call: DatabaseCall, nowMs: number): Reply | undefined {
    const { replays, lease } = this.#options
    const { grant } = call
    for (const key of listReplayKeys(call)) {
      const kept = replays.find(grant.tokenId, key, nowMs)
      if (!kept) continue
      // With an empty balance a replay is free: a client that missed the response must be able to read it.
      if (lease.canServe()) lease.charge({ ...NOTHING, requests: 1 }, grant.tokenId)
      return { ...kept, replayed: key.header === 'Plan' ? 'Plan' : 'Idempotency' }
    }
    return undefined
  }

  /**
   * Charges the call and builds its response. For a write, it saves the counters and the replayable response in the
   * turn, and so in the transaction, of the write.
   */
  #finish(call: DatabaseCall, outcome: Outcome, startedMs: number, nowMs: number): CallAnswer {
    const { operation, grant, inside } = call
    // A continued transaction can be rolled back until its last call, with all that it stores.
    const isOpen = inside?.isRunning === true && !inside.isCommitting
    const replayKeys = isOpen ? [] : outcome.commits ? listReplayKeys(call) : call.replayKeys
    const { charges, announcer, lease, keeper, replays, ownPages } = this.#options
    const { sql, statementCount, rowsWritten, failure, status, transactionId = call.transactionId } = outcome
    const durationMs = performance.now() - startedMs
    const executed = { operation, sql, statementCount, durationMs, transactionId }
    charges.charge(grant.tokenId, executed, outcome, failure, nowMs)
    call.span?.note({ 'db.query.text': toLoggedSql(sql), ...toRowAttributes(outcome) })
    if (inside?.isRunning && inside.isCommitting) inside.report = announcer.store()
    else if (!isOpen) announcer.announce()
    const refusal = failure && refuse(failure)
    const built =
      refusal?.body ?? buildResponseBody(operation, outcome, durationMs, KEEPS.has(operation) ? keeper.kept : undefined)
    // Only a call whose response can't be replayed returns a stream.
    if (typeof built !== 'string')
      return { status, body: built.before, rest: { stream: built.stream, after: built.after } }
    const body = built
    // Without room, the response to a read isn't kept: a retry runs the read again.
    const hasWritten = rowsWritten > 0 || outcome.commits === true
    if (replayKeys.length > 0 && (hasWritten || (!failure && disk.level === 0))) {
      ownPages.around(() => {
        for (const key of replayKeys) replays.keep(grant.tokenId, key, status, body, nowMs)
        lease.save()
      })
    } else if (hasWritten) lease.save()
    if (inside?.isRunning && inside.isCommitting) lease.saveNow()
    return refusal ?? (status === 200 ? body : { status, body })
  }
}

/** Returns the keys under which the response to a call can be stored. */
const listReplayKeys = ({ operation, replayKeys, transactionId }: DatabaseCall): readonly ReplayKey[] =>
  operation === 'commit_transaction' && transactionId !== undefined
    ? [...replayKeys, toCommitKey(transactionId)]
    : replayKeys

/** Returns the text that the query log keeps. */
const toLoggedSql = (sql: string): string | undefined => (sql === '' ? undefined : sql.slice(0, MAX_LOGGED_SQL))

const toRowAttributes = ({ rowsRead, rowsWritten }: Outcome) => ({
  'persql.rows_read': rowsRead,
  'persql.rows_written': rowsWritten,
})
