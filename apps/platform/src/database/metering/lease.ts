import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { disk, storageFull } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { count } from '../../metrics/metrics.ts'
import { add, NOTHING, type Totals } from '../../money.ts'
import { namespaceAt } from '../../remote.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { Identity, IdentityStore } from '../identity.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { LeaseCalls } from './lease-calls.ts'
import { countTicksUntilDue, findDue, TICK_MS } from './lease-ticks.ts'
import { Meter, NO_REPORT, type Report } from './meter.ts'
import type { QueryLog } from './query-log.ts'
import type { DatabaseQuotas } from './quotas.ts'
import type { Revocations } from './revocations.ts'
import { SavedCounters } from './saved-counters.ts'
import type { SampleTracker } from './size/sample-tracker.ts'
import type { SizeTracker } from './size/size.ts'
import { forgetSaved, forgetUsage, hasUnsavedUsage, recoverUsage, rememberUsage } from './unsaved-usage.ts'

/** The parts of the database that its lease client uses. */
export interface LeaseOptions {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly lifecycle: Pick<Lifecycle, 'adopt' | 'wipe'>
  /** While a task holds the lock, current writes can still be rolled back; the lease client saves after that. */
  readonly exclusion: ExclusiveLock
  readonly size: SizeTracker
  readonly samples: SampleTracker
  readonly log: QueryLog
  readonly revocations: Revocations
  readonly quotas: DatabaseQuotas
  readonly history: { readonly bytes: number }
  /** Returns the time of the next timer, which replaces the alarm that is set. */
  readonly handOverAlarm: () => number | undefined
}

/** The time for which an empty balance is cached. */
const EMPTY_MS = 250
/** The minimum time between measurements in the background. */
const MEASURE_MS = 60_000
/** The minimum time between measurements for reports on request. */
const MEASURE_ASKED_MS = 5_000

/** The credit lease of the database: the allocated credit and the usage. */
export class LeaseClient {
  readonly #options: LeaseOptions
  #meter: Meter
  readonly #saved: SavedCounters
  #acquiring: Promise<void> | undefined
  #renewAtNano = 0
  #emptyUntilMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The number of ticks until the timer fires; infinite without a timer. */
  #timerTicks = Number.POSITIVE_INFINITY
  #idleTicks = 0
  /** The number of calls that wait for other calls: the database is not idle in that time. */
  #waiting = 0
  #ticksSinceReport = 0

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#saved = new SavedCounters(options.storage, options.exclusion)
    const { totals, generation } = this.#saved
    const left = recoverUsage(options.identity.current?.id ?? '', generation)
    this.#meter = new Meter(left ? add(totals, left) : totals)
    if (left) this.#tick()
  }

  /** Takes over the counters that an earlier process reported and couldn't save. Call it when the object starts. */
  recover(ctx: Pick<DurableObjectState, 'blockConcurrencyWhile'>): void {
    if (!this.#saved.isBehind || !this.#options.identity.current) return
    void ctx.blockConcurrencyWhile(async () => {
      const onRecord = await this.#settle()
      if (onRecord) this.#meter.raise(onRecord)
      this.#put()
    })
  }

  /**
   * Runs a transaction of the file in which each answered call is reported with `reportAhead`, so that it is billed even if the
   * process ends before anything is saved.
   */
  async runAhead<T>(work: () => Promise<T>): Promise<T> {
    this.#put(true)
    try {
      return await work()
    } finally {
      this.save()
    }
  }

  /** Reports the counters before they are saved. @throws PerSQLError `storage_full`, or the failure of the call */
  async reportAhead(): Promise<void> {
    if (disk.level === 3) throw storageFull()
    await this.#settle()
  }

  #settle(): Promise<Totals | undefined> {
    const { env, identity } = this.#options
    const { namespace, id } = identity.known
    return this.#send((report) => lender(env, namespace).settle(id, report))
  }

  /** The total usage since the database was created. */
  get totals(): Totals {
    return this.#meter.totals
  }

  /** Whether the database holds a lease, even one without remaining credit. */
  get isHeld(): boolean {
    return this.#meter.allowance.ceilingNano > 0
  }

  /** Whether calls wait for other calls. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** Returns whether the lease covers one more request. */
  canServe(): boolean {
    return this.#meter.canServe()
  }

  /** Reserves the fee of a request, besides that of the current one. @throws PerSQLError `insufficient_balance` */
  reserve(): void {
    if (!this.#meter.canServe(2)) throw new PerSQLError('insufficient_balance')
    this.#meter.reserve(1)
  }

  unreserve(): void {
    this.#meter.reserve(-1)
  }

  /** Records a call, so that the database is not idle. */
  touch(): void {
    this.#idleTicks = 0
  }

  /** Runs work that waits for other calls, so that the database is not idle in that time. */
  async awaiting<T>(work: () => T): Promise<Awaited<T>> {
    this.#waiting++
    try {
      return await work()
    } finally {
      this.#waiting--
    }
  }

  /** Charges usage, and requests more credit before it runs out. */
  charge(used: Totals, tokenId: string): void {
    this.#meter.charge(used, tokenId)
    const { identity, exclusion } = this.#options
    const { id } = identity.current ?? {}
    // A write saves the counters in its transaction. If that fails, the write didn't happen.
    const isSavedWithWrite = used.rowsWritten > 0 && !exclusion.held
    if (id !== undefined && !isSavedWithWrite) rememberUsage(id, this.#saved.generation, used)
    if (this.#meter.creditNano < this.#renewAtNano) this.#renew()
    this.#tick()
  }

  /** Charges AI tokens and saves the charge before any other work. */
  chargeAiTokens(tokenId: string, aiTokens: number): void {
    this.charge({ ...NOTHING, aiTokens }, tokenId)
    this.save()
  }

  /** Saves the counters, in the transaction of the current write. */
  save(): void {
    if (!this.#options.exclusion.held) this.saveNow()
  }

  /** Saves the counters, even while other calls wait for a transaction that won't be rolled back any more. */
  saveNow(): void {
    if (this.#saved.isBehind || this.#meter.unsaved(this.#saved.totals)) this.#put()
  }

  /** Saves the counters with the next generation of the file. Call it when this object becomes a database. */
  begin(): void {
    this.#put()
  }

  #put(isBehind = false): void {
    this.#saved.save(this.#meter.totals, isBehind)
  }

  /** Requests credit, unless the balance was empty within `EMPTY_MS`. @throws PerSQLError */
  async credit(namespace: string, slug: string): Promise<void> {
    if (!this.#options.identity.current || now() >= this.#emptyUntilMs) await this.acquire(namespace, slug)
  }

  /** Requests credit, in one request for all callers. @throws PerSQLError */
  acquire(namespace: string, slug: string): Promise<void> {
    this.#acquiring ??= this.#lease(namespace, slug).finally(() => {
      this.#acquiring = undefined
    })
    return this.#acquiring
  }

  /**
   * Saves and reports the counters. `version` numbers the recall, so that an older lease that arrives later is ignored.
   */
  recall(version: number): Report {
    this.#setLeased(() => this.#meter.giveBack(version))
    return this.report()
  }

  /** Saves the counters, then returns them. */
  report(): Report {
    this.save()
    this.#options.size.refresh(MEASURE_ASKED_MS)
    return this.#report()
  }

  /** Resets the lease after the database was deleted. */
  forget(): void {
    forgetUsage(this.#options.identity.current?.id ?? '')
    this.#setLeased(() => {
      this.#meter = new Meter()
    })
    this.#saved.forget()
  }

  /** Sends a report to the namespace. The usage of tokens is reported again if that fails. */
  async #send<T>(call: (report: Report) => Promise<T>): Promise<T> {
    const meter = this.#meter
    const report = this.#report()
    const answer = await call(report).catch((cause) => {
      meter.unreported(report.byToken)
      throw cause
    })
    this.#markReported(report)
    return answer
  }

  #report(): Report {
    const measured = this.#options.size.unreported()
    const generation = this.#saved.reportGeneration(this.#meter.totals)
    const { bytes: snapshotBytes } = this.#options.history
    const samples = this.#options.samples.days
    return { ...this.#meter.report(), generation, ...(measured && { measured }), snapshotBytes, samples }
  }

  /** Records that the namespace has this report. */
  #markReported({ measured, samples }: Report): void {
    this.#options.size.markReported(measured)
    this.#options.samples.markReported(samples)
  }

  /** Requests credit in the background. */
  #renew(): void {
    const identity = this.#options.identity.current
    if (!identity || this.#acquiring) return
    this.acquire(identity.namespace, identity.slug).catch(() => {
      // The next call without credit repeats the request and returns its error.
    })
  }

  async #lease(namespace: string, slug: string): Promise<void> {
    const { env, identity, lifecycle, revocations, quotas } = this.#options
    // Neither this object nor the namespace could save anything.
    if (disk.level === 3) throw storageFull()
    this.save()
    // A database of an older version has no generation.
    if (identity.current && this.#saved.generation === 0) this.#put()
    const stub = lender(env, namespace)
    const meter = this.#meter
    // Runs before the first write or notification under a new lease: without a lease, no revocation reached this
    // object.
    if (meter.allowance.ceilingNano === 0) {
      await revocations.check()
      // The process can have ended after a write and before its sample.
      if (identity.current) this.#options.size.sampleUnmeasured()
    }
    let lease = await this.#send((report) => stub.lease(slug, identity.current?.id, report))
    // The database was deleted while the response was on its way, so this lease belongs to a deleted database.
    if (this.#meter !== meter) throw new PerSQLError('database_not_found', { database: slug })
    const known = identity.current
    if (known && known.id !== lease.databaseId) {
      // The database was deleted and recreated while this object was unreachable.
      await lifecycle.wipe(known.id)
      lease = await stub.lease(slug, undefined, NO_REPORT)
    }
    if (!identity.current) {
      lifecycle.adopt({ id: lease.databaseId, namespace, slug })
      const adopted = this.#meter
      // No call is answered before the namespace knows that this file exists.
      lease = await stub.lease(slug, lease.databaseId, this.#report())
      if (this.#meter !== adopted) throw new PerSQLError('database_not_found', { database: slug })
    }
    this.#setLeased(() => this.#meter.accept(lease))
    quotas.accept(lease.quotas)
    this.#renewAtNano = this.#meter.creditNano / 2
    const nowMs = now()
    // Set only by this response: callers who retry must not postpone the next request.
    if (!this.#meter.canServe()) this.#emptyUntilMs = nowMs + EMPTY_MS
    revocations.prune(nowMs)
    if (lease.revoked.length > 0) revocations.revoke(lease.revoked)
    this.#ticksSinceReport = 0
    this.#tick()
  }

  /**
   * Schedules the tick that, each second with calls, saves and reports the counters, and returns credit when the database
   * is idle. Without calls there is nothing to save, so the next tick is the one at which something is due.
   */
  #tick(ticks = 1): void {
    if (this.#timerTicks <= ticks) return
    clearTimeout(this.#timer)
    this.#timerTicks = ticks
    this.#timer = setTimeout(() => {
      this.#timerTicks = Number.POSITIVE_INFINITY
      if (!this.#options.identity.current) return
      // Until there is room, everything stays in memory: a write that fails would end the object and its calls.
      if (disk.level === 3 || !this.#saveAll()) {
        this.#tick()
        return
      }
      if (this.#options.size.isReportDue || this.#options.samples.isUnreported) this.#renew()
      if (this.#waiting === 0) this.#idleTicks += ticks
      this.#ticksSinceReport += ticks
      const counts = { idle: this.#idleTicks, sinceReport: this.#ticksSinceReport }
      const due = findDue(counts)
      if (due === 'release') {
        this.#release()
        return
      }
      if (due === 'report') this.#renew()
      // While a task holds the lock, nothing was saved, or it can be rolled back.
      const isQuiet =
        this.#waiting === 0 && !this.#options.exclusion.held && !this.#saved.isUncertain && counts.idle > 0
      this.#tick(isQuiet ? countTicksUntilDue(counts) : 1)
    }, ticks * TICK_MS)
  }

  /** Saves what calls left in memory. Returns whether that succeeded. */
  #saveAll(): boolean {
    const { log, size } = this.#options
    try {
      this.save()
      log.flush()
      size.refresh(MEASURE_MS)
    } catch (cause) {
      console.error(JSON.stringify({ level: 'error', event: 'usage_not_saved', cause: String(cause) }))
      return false
    }
    this.#confirm()
    return true
  }

  /** Deletes counters that are on disk from the memory of the process. */
  #confirm(): void {
    const { identity, storage } = this.#options
    const [id, generation] = [identity.current?.id, this.#saved.generation]
    // A save that can still be rolled back is repeated first.
    if (id === undefined || this.#saved.isUncertain || !hasUnsavedUsage(id)) return
    storage.sync().then(
      () => forgetSaved(id, generation),
      () => {
        // The object was ended: the next one recovers the usage.
      },
    )
  }

  #release(): void {
    const { id, namespace, slug } = this.#options.identity.current as Identity
    const { version, ceilingNano } = this.#meter.allowance
    // After a recall no credit remains, and the namespace can be about to allocate a lease with this version.
    if (ceilingNano === 0) return
    this.#setLeased(() => this.#meter.giveBack())
    const { env, size, handOverAlarm } = this.#options
    size.refresh(0)
    const report = this.#report()
    lender(env, namespace)
      .release(slug, id, version, report, handOverAlarm())
      .then(() => this.#markReported(report))
      .catch(() => {
        // The credit is not lost: the namespace recalls it when needed.
      })
  }

  #setLeased(change: () => void): void {
    const before = this.#meter.allowance.ceilingNano > 0
    change()
    const after = this.#meter.allowance.ceilingNano > 0
    if (before !== after) count('persql_leases', '', after ? 1 : -1)
  }
}

const lender = (env: Env, namespace: string) => namespaceAt<LeaseCalls>(env, namespace)
