import { DurableObject } from 'cloudflare:workers'
import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { CallArguments } from '../continued.ts'
import type { Env } from '../env.ts'
import { NOTHING } from '../money.ts'
import type { CallAnswer, Reply } from '../reply.ts'
import type { LogResult } from '../storage/file-process.ts'
import type { ReplayKey } from './calls/call.ts'
import { endCallSpan } from './calls/call-span.ts'
import { decodeCall, type EndpointResponse, type PublicManifest, serveEndpoint } from './endpoints/serve.ts'
import type { MintedSession } from './endpoints/sessions.ts'
import { type StoppedStatement, toStopError } from './engine/stopped-statement.ts'
import type { Identity } from './identity.ts'
import type { ScratchDatabase } from './insights/index-advisor/scratch-database.ts'
import type { VacuumRequest, VacuumResult } from './lifecycle/vacuum.ts'
import type { SizeMeasurement } from './metering/measurement.ts'
import type { ClosedDay, Report } from './metering/meter.ts'
import type { DatabaseOperation, ProtocolCall } from './operations.ts'
import { type ApprovalDecision, resolved, toAuditName } from './review/approvals/approvals.ts'
import { createServices, type DatabaseServices } from './services.ts'
import { Continuation } from './transactions/continuation.ts'
import type { CallSource, Mailbox } from './transactions/mailbox.ts'
import type { ImportStage } from './transfer/import-stage.ts'
import type { Imports } from './transfer/imports.ts'
import type { FileExport } from './transfer/sqlite-export.ts'
import type { CopySource, Source } from './versions/copy/source.ts'
import type { Ids } from './versions/ids/highest.ts'
import type { DiffState } from './versions/merge/branch-state.ts'
import type { ForkState } from './versions/merge/fork-state.ts'
import type { SchemaTrial } from './versions/merge/schema-trial.ts'
import type { BookkeepingRows } from './versions/migrations/bookkeeping.ts'

/** The result of a wake-up. */
export interface WakeUpResult {
  /** The time of the next timer. */
  readonly nextMs: number | undefined
  /** Whether the database holds a credit lease, so that it can set timers at any time. */
  readonly isLeased: boolean
}

/** The time of a native alarm that is deleted before it fires. */
const DELETED_BEFORE_MS = 60 * 60 * 1000

/** One tenant's database: its SQLite file, its counters and its credit lease from the namespace. */
export class Database extends DurableObject<Env> {
  readonly #services: DatabaseServices

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#services = createServices(ctx, env)
    const { alarm, timers, vacuum, lease } = this.#services
    vacuum.recover()
    lease.recover(ctx)
    alarm.restore(() => timers.nextMs)
  }

  /**
   * Runs an operation. Without a cold start or a queue it awaits nothing. All values are text, which is cheap to pass:
   * a `Grant` in JSON, the request's body, and back only the response's body if the call succeeded.
   */
  call(
    operation: DatabaseOperation | ProtocolCall,
    address: string,
    grant: string,
    body: string,
    replayKeys: readonly ReplayKey[] = [],
  ): string | Reply | Promise<string | Reply> {
    const { lease, calls } = this.#services
    lease.touch()
    return calls.take(operation, address, grant, body, replayKeys)
  }

  /**
   * Records a statement of this database because of which the launcher ended the process. It is billed as a request and
   * logged. If it could write, further writes are refused for some time.
   */
  statementStopped(stopped: StoppedStatement): void {
    const { identity, charges, lease, suspension } = this.#services
    if (!identity.current) return
    const { tokenId, sql, seconds, isWrite } = stopped
    const ran = { operation: 'query', sql, statementCount: 1, durationMs: seconds * 1000 }
    charges.charge(tokenId, ran, NOTHING, toStopError(stopped), now())
    lease.save()
    if (isWrite) suspension.add(stopped)
  }

  /**
   * Runs an interactive transaction alone, beginning with the call that can't run otherwise; later ones come from `source`. Returns
   * the answer to the last call if it has none yet. Returns `undefined` too if the transaction isn't open.
   */
  async continueTransaction(id: string, first: CallArguments, source: CallSource): Promise<CallAnswer | undefined> {
    const { lease, exclusive, continuations, transactions, hold } = this.#services
    lease.touch()
    const transaction = transactions.get(id)
    if (!transaction || !hold.isHeldBy(id) || exclusive.busy) return undefined
    const continuation = new Continuation(continuations, transaction, source)
    return await lease.awaiting(() => lease.runAhead(() => continuation.run(first)))
  }

  /** The mailbox of a database. Only an object with the name of a mailbox uses it; such an object is not a database. */
  get mailbox(): Mailbox {
    return this.#services.mailbox
  }

  /** Serves a public endpoint. Without a cold start, a signature or an external request it awaits nothing. */
  serve(call: string): EndpointResponse | Promise<EndpointResponse> {
    const { lease, exclusive, gates, startSpan, identity } = this.#services
    lease.touch()
    const { busy } = exclusive
    if (busy) return busy.then(() => this.serve(call))
    const decoded = decodeCall(call)
    const span = decoded.traceparent === undefined ? undefined : startSpan(decoded.traceparent, 'endpoint')
    const answer = serveEndpoint(decoded, gates)
    if (span === undefined) return answer
    const { current } = identity
    return endCallSpan(span, current && `${current.namespace}/${current.slug}`, `endpoint ${decoded.slug}`, answer)
  }

  /** Returns the public manifest in JSON: the specs of published endpoints and the description of the database. */
  publicFace(): string {
    const { docs, endpoints } = this.#services
    const { databaseDescription: description } = docs.get()
    return JSON.stringify({ description, specs: endpoints.publishedSpecs() } satisfies PublicManifest)
  }

  /** Creates a session of an app's user for the app's backend. It ends with the token, or grant, that creates it. */
  async mintSession(userId: string, email: string | null, ttlS: number, mintedBy: string): Promise<MintedSession> {
    const { revoked, sessions } = this.#services
    if (revoked.has(mintedBy)) throw new PerSQLError('token_unknown')
    return sessions.mint(userId, email, ttlS, now(), mintedBy)
  }

  /** Charges AI tokens and saves the charge before any other work. */
  chargeAiTokens(tokenId: string, aiTokens: number): void {
    this.#services.lease.chargeAiTokens(tokenId, aiTokens)
  }

  /** Returns the request that an approval token belongs to. @throws PerSQLError `approval_not_found` */
  async showApproval(token: string): Promise<ApprovalRequest> {
    const { exclusion, approvals } = this.#services
    await exclusion.held
    return approvals.show(token, now())
  }

  /**
   * Records the decision of a person who is allowed to decide.
   * @throws PerSQLError `approval_not_found` or `approval_not_open`
   */
  async decideApproval(token: string, verdict: ApprovalDecision): Promise<ApprovalRequest> {
    const { exclusion, approvals, outbox, ownPages, webhooks } = this.#services
    await exclusion.held
    const decided = approvals.decide(token, verdict, now())
    outbox.note(verdict.by, `approval.${decided.status}`, toAuditName(token), {})
    ownPages.around(() => webhooks.announce([resolved(token, decided)]))
    return decided
  }

  /** The interface that other objects copy this database from. */
  get source(): CopySource {
    return this.#services.source
  }

  /**
   * Copies the tables and rows of another object into this one, in one transaction. With an identity, this object is
   * that database from then on. Without one, it is a snapshot. Returns the number of rows copied.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long` or `database_not_found`
   */
  copyFrom(identity: Identity | undefined, from: Source): Promise<number> {
    return this.#services.target.copyFrom(identity, from)
  }

  /** Deletes a snapshot that was created for one export. */
  endExport(snapshot: string): Promise<void> {
    return this.#services.history.leave(snapshot)
  }

  /** The imports of this database. An import is registered here before its data is sent. */
  get imports(): Imports {
    return this.#services.imports
  }

  /** The stage of an import. Only an object with the name of an import uses it; such an object is not a database. */
  get stage(): ImportStage {
    return this.#services.stage
  }

  /**
   * The scratch database of the index advisor. Only an object with an advisor's name uses it; such an object is not a
   * database.
   */
  get scratch(): ScratchDatabase {
    return this.#services.scratch
  }

  /**
   * The merge of schemas without rows. Only an object with the name of a comparison uses it; such an object is not a
   * database.
   */
  get schemaTrial(): SchemaTrial {
    return this.#services.schemaTrial
  }

  /** The export of a SQLite file. Only an object that holds a copy uses it; such an object is not a database. */
  get fileExport(): FileExport {
    return this.#services.fileExport
  }

  /** Reserves IDs for a branch, above those assigned here. @throws PerSQLError `database_not_found` */
  reserveIds(id: string, branchId: string, live: readonly string[]): Promise<Ids> {
    return this.#services.reservations.reserve(id, branchId, live)
  }

  /**
   * Raises the next IDs above `floors`, for the parent that merges this branch.
   * @throws PerSQLError `database_not_found`
   */
  seedIds(id: string, floors: Ids): void {
    this.#services.branch.seedIds(id, floors)
  }

  /**
   * Returns the state of this branch, for the parent that merges it.
   * @throws PerSQLError `database_not_found` or `copy_cut_off`
   */
  forkState(id: string): ForkState {
    return this.#services.branch.forkState(id)
  }

  /**
   * Returns the state of this branch and its applied migrations, for the parent that is compared with it.
   * @throws PerSQLError `database_not_found` or `copy_cut_off`
   */
  diffState(id: string): DiffState {
    return this.#services.branch.diffState(id)
  }

  /**
   * Makes this object the database `identity`, unless it already is one, and loads the schema of its parent and the
   * rows of migration tools, but no other rows, in one transaction. Returns the bookkeeping rows that it copied.
   * @throws PerSQLError `copy_cut_off`, `took_too_long` or `database_not_found`
   */
  loadSchema(identity: Identity, from: Source, floors: Ids): Promise<readonly BookkeepingRows[]> {
    return this.#services.branchLoader.loadSchema(identity, from, floors)
  }

  /**
   * Saves and reports the counters. `version` numbers the recall, so that an older lease that arrives later is ignored.
   */
  recall(version: number): Report & { readonly id: string | undefined } {
    const { identity, lease } = this.#services
    const id = identity.current?.id
    return { id, ...lease.recall(version) }
  }

  /** Saves the counters, then returns them: the exact usage. */
  report(): Report & { readonly id: string | undefined } {
    const { identity, lease } = this.#services
    return { id: identity.current?.id, ...lease.report() }
  }

  /** Returns the size of the tenant's data, or `undefined` if this object is not the database `id`. */
  measure(id: string): SizeMeasurement | undefined {
    const { identity, size } = this.#services
    return identity.current?.id === id ? size.measure() : undefined
  }

  /**
   * Takes the storage sample of a UTC day that is over, and returns the size and all samples. Returns `undefined` if this
   * object is not the database `id`.
   */
  async closeDay(id: string, day: string): Promise<ClosedDay | undefined> {
    const { identity, exclusion, size, samples, history } = this.#services
    await exclusion.held
    if (identity.current?.id !== id) return undefined
    // First, because measuring finds growth too, and would count it for the new day.
    samples.close(day)
    return { measured: size.measure(), snapshotBytes: history.bytes, samples: samples.days }
  }

  /** Rejects these keys of secrets, tokens and grants once this method returns. */
  revoke(keys: readonly string[]): void {
    const { revocations, sockets } = this.#services
    revocations.revoke(keys)
    sockets.sweep()
  }

  /** Deletes the database `id` and all its data. The caller has read its counters and blocks new requests. */
  wipe(id: string): Promise<void> {
    return this.#services.deletion.wipe(id)
  }

  /** Gives the free pages of the file of the database `id` back to the disk, for the launcher. Calls wait in that time. */
  runVacuum(id: string, request: VacuumRequest): Promise<VacuumResult> {
    return this.#services.vacuum.run(id, request)
  }

  /** Shortens the write-ahead log of the file, for the launcher. Calls wait in that time. */
  shortenLog(): Promise<LogResult> {
    return this.#services.vacuum.shortenLog()
  }

  /** Opens a WebSocket, which no call can carry. The operation `subscribe` issued the ticket. */
  override fetch(request: Request): Response {
    return this.#services.sockets.open(request.headers.get('X-PerSQL-Ticket'))
  }

  override webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    this.#services.sockets.take(ws, message)
  }

  override webSocketClose(ws: WebSocket, code: number): void {
    this.#services.sockets.leave(ws, code)
  }

  override webSocketError(ws: WebSocket): void {
    this.#services.sockets.drop(ws)
  }

  override async alarm(): Promise<void> {
    await this.runTimers()
  }

  /** Runs due timers for the namespace, which keeps the alarm of this object on a single machine. */
  async wake(): Promise<WakeUpResult> {
    const { alarm, timers, lease } = this.#services
    const nextMs = await alarm.during(
      () => this.runTimers(),
      () => timers.nextMs,
    )
    return { nextMs, isLeased: lease.isHeld }
  }

  /** Deletes the native alarm, which objects had on a single machine before the namespace kept their alarms. */
  async deleteNativeAlarm(): Promise<void> {
    const { storage } = this.ctx
    // The runtime keeps the time in this object and in a list. Deleting a missing alarm would not change the list.
    await storage.setAlarm(Date.now() + DELETED_BEFORE_MS)
    await storage.sync()
    await storage.deleteAlarm()
    await storage.sync()
  }

  /** Runs the timers that are due by PerSQL's clock; tests that moved the clock call it directly. */
  async runTimers(): Promise<void> {
    const { exclusion, timers } = this.#services
    await exclusion.held
    await timers.run()
  }
}
