import { DurableObject } from 'cloudflare:workers'
import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import type { Reply } from '../reply.ts'
import type { ReplayKey } from './calls/call.ts'
import { decodeCall, type EndpointResponse, type PublicManifest, serveEndpoint } from './endpoints/serve.ts'
import type { MintedSession } from './endpoints/sessions.ts'
import type { Identity } from './identity.ts'
import type { ScratchDatabase } from './insights/index-advisor/scratch-database.ts'
import type { SizeMeasurement } from './metering/measurement.ts'
import type { Report } from './metering/meter.ts'
import type { DatabaseOperation } from './operations.ts'
import { type ApprovalDecision, nameOf, resolved } from './review/approvals/approvals.ts'
import { Services } from './services.ts'
import type { ImportStage } from './transfer/import-stage.ts'
import type { Imports } from './transfer/imports.ts'
import type { FileExport } from './transfer/sqlite-export.ts'
import type { CopySource, Source } from './versions/copy/source.ts'
import type { Ids } from './versions/ids/highest.ts'
import type { ForkState } from './versions/merge/fork-state.ts'
import type { BookkeepingRows } from './versions/migrations/bookkeeping.ts'
import type { Restore } from './versions/snapshots/snapshots.ts'

/** One tenant's database: its SQLite file, its counters, and the right to spend that its namespace has lent it. */
export class Database extends DurableObject<Env> {
  readonly #services: Services

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#services = new Services(ctx, env)
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
    const { lease, calls } = this.#services
    lease.touch()
    return calls.take(operation, address, grant, body, replayKeys)
  }

  /** The door of the public: warm, and when nothing is to be signed or asked of others, it awaits nothing. */
  serve(call: string): EndpointResponse | Promise<EndpointResponse> {
    const { lease, access, gates } = this.#services
    lease.touch()
    const { busy } = access
    return busy ? busy.then(() => this.serve(call)) : serveEndpoint(decodeCall(call), gates)
  }

  /** What the public may know, in JSON: the specs of published endpoints, and what the database is for. */
  publicFace(): string {
    const { docs, endpoints } = this.#services
    const { databaseDescription: description } = docs.get()
    return JSON.stringify({ description, specs: endpoints.publishedSpecs() } satisfies PublicManifest)
  }

  /** Opens a session of the app's user for the app's backend. It ends with the token, or grant, that opens it. */
  async mintSession(userId: string, email: string | null, ttlS: number, mintedBy: string): Promise<MintedSession> {
    const { lease, sessions } = this.#services
    if (lease.isRevoked(mintedBy)) throw new PerSQLError('token_unknown')
    return sessions.mint(userId, email, ttlS, now(), mintedBy)
  }

  /** Charges tokens that a model used, and saves that before anything else is done. */
  chargeAiTokens(tokenId: string, aiTokens: number): void {
    this.#services.chargeAiTokens(tokenId, aiTokens)
  }

  /** What an approval is asked for. @throws PerSQLError `approval_not_found` */
  async showApproval(token: string): Promise<ApprovalRequest> {
    const { exclusion, approvals } = this.#services
    await exclusion.held
    return approvals.show(token, now())
  }

  /** Takes the answer of a human who may give it. @throws PerSQLError `approval_not_found` or `approval_not_open` */
  async decideApproval(token: string, verdict: ApprovalDecision): Promise<ApprovalRequest> {
    const { exclusion, approvals, outbox, ownPages, webhooks } = this.#services
    await exclusion.held
    const decided = approvals.decide(token, verdict, now())
    outbox.note(verdict.by, `approval.${decided.status}`, nameOf(token), {})
    ownPages.around(() => webhooks.announce([resolved(token, decided)]))
    return decided
  }

  /** What others make a copy of this from. */
  get source(): CopySource {
    return this.#services.source
  }

  /**
   * Becomes a copy of another object's tables and rows: wholly, or not at all. With an identity it is that database from
   * then on; without, it keeps the one it has, or is none (a snapshot). Returns how many rows it has got.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long` or `database_not_found`
   */
  copyFrom(identity: Identity | undefined, from: Source, restore?: Restore): Promise<number> {
    return this.#services.target.copyFrom(identity, from, restore)
  }

  /** Ends a copy that was made to be read once. */
  endExport(snapshot: string): Promise<void> {
    return this.#services.history.leave(snapshot)
  }

  /** Who wants to import something asks here before sending it. */
  get imports(): Imports {
    return this.#services.imports
  }

  /** For the object that bears the name of an import, and is nobody's database. */
  get stage(): ImportStage {
    return this.#services.stage
  }

  /** For the object that bears the name of an advisor, and is nobody's database. */
  get scratch(): ScratchDatabase {
    return this.#services.scratch
  }

  /** For the object that holds a copy, and is nobody's database. */
  get fileExport(): FileExport {
    return this.#services.fileExport
  }

  /** Gives a branch ids of its own, above those that are assigned here. @throws PerSQLError `database_not_found` */
  reserveIds(id: string, branchId: string, live: readonly string[]): Promise<Ids> {
    return this.#services.branching.reserveIds(id, branchId, live)
  }

  /** Has ids assigned above these, for the parent that merges this branch. @throws PerSQLError `database_not_found` */
  seedIds(id: string, floors: Ids): void {
    this.#services.branching.seedIds(id, floors)
  }

  /** A branch, for its parent that merges it. @throws PerSQLError `database_not_found` or `copy_cut_off` */
  forkState(id: string): ForkState {
    return this.#services.branching.forkState(id)
  }

  /**
   * Becomes that database, if it is none yet, and has the schema of its parent from then on, what migration tools keep
   * there, and no other rows: wholly, or not at all. Returns what was taken along.
   * @throws PerSQLError `copy_cut_off`, `took_too_long` or `database_not_found`
   */
  loadSchema(identity: Identity, from: Source, floors: Ids): Promise<readonly BookkeepingRows[]> {
    return this.#services.branching.loadSchema(identity, from, floors)
  }

  /** Saves and reports the counters; `version` numbers the recall, so that a lease on its way is not taken for newer. */
  recall(version: number): Report & { readonly id: string | undefined } {
    const { identity, lease } = this.#services
    const id = identity.current?.id
    return { id, ...lease.recall(version) }
  }

  /** Current counters, saved first, for whoever wants to know the exact usage. */
  report(): Report & { readonly id: string | undefined } {
    const { identity, lease } = this.#services
    return { id: identity.current?.id, ...lease.report() }
  }

  /** How large the tenant's own data is now, for whoever knows the database by this id. */
  measure(id: string): SizeMeasurement | undefined {
    const { identity, size } = this.#services
    return identity.current?.id === id ? size.measure() : undefined
  }

  /** Refuses these keys of secrets, tokens and grants from the answer on. */
  revoke(keys: readonly string[]): void {
    const { lease, sockets } = this.#services
    lease.revoke(keys)
    sockets.sweep()
  }

  /** Deletes the database `id` with everything. The caller has taken its counters and lets nobody in any more. */
  wipe(id: string): Promise<void> {
    return this.#services.lifecycle.wipe(id)
  }

  /** For WebSockets, which no call can carry: whoever comes has been let in by the operation `subscribe`. */
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

  /** Runs what is due by PerSQL's clock; also for tests that moved it. */
  async runTimers(): Promise<void> {
    const { exclusion, timers } = this.#services
    await exclusion.held
    await timers.run(now())
  }
}
