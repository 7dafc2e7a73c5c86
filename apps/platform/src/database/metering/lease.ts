import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { count } from '../../metrics.ts'
import { add, costNano, growth, NOTHING, type Totals } from '../../money.ts'
import { namespaceAt } from '../../remote.ts'
import type { Grant } from '../calls/call.ts'
import type { Identity } from '../identity.ts'
import { type Allowance, Meter, NO_REPORT, type Report } from './meter.ts'
import type { SizeTracker } from './size/size.ts'

/** The answer to a request for a lease: how far the database can spend, and which keys it has to refuse. */
export interface LeaseAnswer extends Allowance {
  readonly databaseId: string
  readonly revoked: readonly string[]
}

/** The calls of a lease to its namespace, which lends. */
export interface LeaseCalls {
  lease(slug: string, id: string | undefined, report: Report): Promise<LeaseAnswer>
  release(slug: string, id: string, version: number, report: Report): Promise<void>
  readonly credentials: { ended(keys: readonly string[]): Promise<string[]> }
}

/** What a lease needs of the database that spends. */
export interface LeaseOptions {
  readonly env: Env
  readonly kv: SyncKvStorage
  /** Resolves when everything written so far is on disk. */
  readonly sync: () => Promise<void>
  readonly identity: () => Identity | undefined
  readonly size: SizeTracker
  readonly adopt: (identity: Identity) => void
  readonly wipe: (id: string) => Promise<void>
  /** Whether what is written now may be rolled back: then it is saved when that is over. */
  readonly isHeld: () => boolean
  /** Keys of secrets, tokens and grants that something here lives on: subscriptions and sessions. */
  readonly listening: () => readonly string[]
  /** Learns which keys have ended. */
  readonly ended: (keys: readonly string[]) => void
  /** Called each second while there is credit. */
  readonly beat: () => void
}

/** The part of a grant that says whether its holder is still admitted. */
export type Bearer = Pick<Grant, 'tokenId' | 'secretId' | 'expiresAtMs'>

const TICK_MS = 1_000
/** Reports go out this often while the database is busy. */
const REPORT_TICKS = 4
/** Ticks without a call after which credit is given back; before the runtime evicts an idle object, after 10 s. */
const IDLE_TICKS = 7
/** How long an empty balance is remembered without asking again. */
const EMPTY_MS = 250
/** A token revoked longer ago than this is in no cache any more. */
const REVOKED_MS = 10 * 60 * 1000
/** While the database is busy, it is measured this often. */
const MEASURE_MS = 60_000
/** So often for whoever asks. */
const MEASURE_ASKED_MS = 5_000

/**
 * Counters by database id that are not on disk yet. The runtime may end an object with everything in its memory, but not
 * what belongs to the process: the next object of that database goes on from here, so what was answered is billed.
 */
const unsaved = new Map<string, Totals>()

/** The right to spend that the namespace has lent, what was used of it, and which tokens are not good any more. */
export class LeaseClient {
  readonly #options: LeaseOptions
  readonly #revoked = new Map<string, number>()
  #meter: Meter
  #saved: Totals
  #acquiring: Promise<void> | undefined
  #renewAtNano = 0
  #emptyUntilMs = 0
  #ticking = false
  #idleTicks = 0
  /** Calls that wait for others: meanwhile this is not idle. */
  #waiting = 0
  #ticksSinceReport = 0

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#saved = { ...NOTHING, ...options.kv.get<Totals>('totals') }
    const left = unsaved.get(options.identity()?.id ?? '')
    this.#meter = new Meter(left ? add(this.#saved, growth(this.#saved, left)) : this.#saved)
    if (left) this.#tick()
  }

  /** All that was used since the database was made. */
  get totals(): Totals {
    return this.#meter.totals
  }

  /** Whether the price of one more request is covered. */
  canServe(): boolean {
    return this.#meter.canServe()
  }

  /** Whether a caller is one still: not revoked, not expired. */
  isTokenValid({ secretId, tokenId, expiresAtMs }: Bearer, nowMs: number): boolean {
    return !this.#revoked.has(secretId ?? tokenId) && (expiresAtMs === null || expiresAtMs > nowMs)
  }

  /** Returns whether a key ended recently. */
  isRevoked(key: string): boolean {
    return this.#revoked.has(key)
  }

  revoke(keys: readonly string[]): void {
    const nowMs = now()
    for (const key of keys) this.#revoked.set(key, nowMs)
    this.#options.ended(keys)
  }

  /** Somebody has come. */
  touch(): void {
    this.#idleTicks = 0
  }

  /** Does something that waits for others, which is not being idle. */
  async awaiting<T>(work: () => T): Promise<Awaited<T>> {
    this.#waiting++
    try {
      return await work()
    } finally {
      this.#waiting--
    }
  }

  /** Counts what was used, and asks for more in time. */
  charge(used: Totals, tokenId: string): void {
    this.#meter.charge(used, tokenId)
    const { id } = this.#options.identity() ?? {}
    if (id !== undefined) unsaved.set(id, this.#meter.totals)
    if (this.#meter.creditNano < this.#renewAtNano) this.#renew()
    this.#tick()
  }

  /** Saves the counters, in the transaction of what is being written. */
  save(): void {
    if (!this.#options.isHeld()) this.saveNow()
  }

  /** Likewise, also while others wait for a transaction that will not be rolled back any more. */
  saveNow(): void {
    if (!this.#meter.unsaved(this.#saved)) return
    this.#saved = this.#meter.totals
    this.#options.kv.put('totals', this.#saved)
  }

  /** Asks for credit unless the balance was empty just now. @throws PerSQLError */
  async credit(namespace: string, slug: string): Promise<void> {
    if (!this.#options.identity() || now() >= this.#emptyUntilMs) await this.acquire(namespace, slug)
  }

  /** Asks for credit. @throws PerSQLError */
  acquire(namespace: string, slug: string): Promise<void> {
    this.#acquiring ??= this.#lease(namespace, slug).finally(() => {
      this.#acquiring = undefined
    })
    return this.#acquiring
  }

  /** Saves and reports the counters; `version` numbers the recall, so that a lease on its way is not taken for newer. */
  recall(version: number): Report {
    this.#setLeased(() => this.#meter.giveBack(version))
    return this.report()
  }

  /** Current counters, saved first. */
  report(): Report {
    this.save()
    this.#options.size.refresh(MEASURE_ASKED_MS)
    return this.#report()
  }

  /** To be called when the database has ended. */
  forget(): void {
    unsaved.delete(this.#options.identity()?.id ?? '')
    this.#setLeased(() => {
      this.#meter = new Meter()
    })
    this.#saved = NOTHING
    this.#revoked.clear()
  }

  /** Learns which of those who listen are shut out by now. */
  async askForTokens(): Promise<void> {
    const { env, identity, listening } = this.#options
    const [keys, known] = [listening(), identity()]
    if (keys.length === 0 || !known) return
    this.revoke(await lender(env, known.namespace).credentials.ended([...keys]))
  }

  #report(): Report {
    const measured = this.#options.size.unreported()
    return { ...this.#meter.report(), ...(measured && { measured }) }
  }

  /** Asks for credit in the background. */
  #renew(): void {
    const identity = this.#options.identity()
    if (!identity || this.#acquiring) return
    this.acquire(identity.namespace, identity.slug).catch(() => {
      // The next call without credit asks again, in the foreground, and tells its caller.
    })
  }

  async #lease(namespace: string, slug: string): Promise<void> {
    const { env, identity, adopt, wipe, size } = this.#options
    this.save()
    const stub = lender(env, namespace)
    const meter = this.#meter
    // Before anything is written, and told, under a new lease: while there was none, nobody said who was shut out.
    if (meter.allowance.ceilingNano === 0) await this.askForTokens()
    const report = this.#report()
    let lease = await stub.lease(slug, identity()?.id, report).catch((cause) => {
      meter.unreported(report.byToken)
      throw cause
    })
    size.markReported(report.measured)
    // Deleted while the answer was on its way: it lends to a database that is no more.
    if (this.#meter !== meter) throw new PerSQLError('database_not_found', { database: slug })
    const known = identity()
    if (known && known.id !== lease.databaseId) {
      // The database was deleted and made anew while this object could not be reached.
      await wipe(known.id)
      lease = await stub.lease(slug, undefined, NO_REPORT)
    }
    if (!identity()) adopt({ id: lease.databaseId, namespace, slug })
    this.#setLeased(() => this.#meter.accept(lease))
    this.#renewAtNano = this.#meter.creditNano / 2
    const nowMs = now()
    // Of this answer only: callers who keep trying must not put off the next question.
    if (!this.#meter.canServe()) this.#emptyUntilMs = nowMs + EMPTY_MS
    for (const [tokenId, atMs] of this.#revoked) if (atMs < nowMs - REVOKED_MS) this.#revoked.delete(tokenId)
    if (lease.revoked.length > 0) this.revoke(lease.revoked)
    this.#ticksSinceReport = 0
    this.#tick()
  }

  /** While there is credit, a tick a second saves what was counted, reports it, and gives credit back when idle. */
  #tick(): void {
    if (this.#ticking) return
    this.#ticking = true
    setTimeout(() => {
      this.#ticking = false
      if (!this.#options.identity()) return
      this.#options.beat()
      this.save()
      this.#confirm()
      this.#options.size.refresh(MEASURE_MS)
      if (this.#waiting === 0) this.#idleTicks++
      this.#ticksSinceReport++
      if (this.#idleTicks > IDLE_TICKS) {
        this.#release()
        return
      }
      if (this.#ticksSinceReport >= REPORT_TICKS && this.#idleTicks < REPORT_TICKS) this.#renew()
      this.#tick()
    }, TICK_MS)
  }

  /** Drops what is known to be on disk from the memory of the process. */
  #confirm(): void {
    const { identity, sync } = this.#options
    const [id, saved] = [identity()?.id, this.#saved]
    if (id === undefined || this.#meter.unsaved(saved)) return
    sync().then(
      () => {
        const left = unsaved.get(id)
        if (left && costNano(growth(saved, left)) <= 0) unsaved.delete(id)
      },
      () => {
        // The object was ended: the next one goes on from what is kept.
      },
    )
  }

  #release(): void {
    const { id, namespace, slug } = this.#options.identity() as Identity
    const { version, ceilingNano } = this.#meter.allowance
    // After a recall there is nothing left, and the version is one that the namespace may be about to lend under.
    if (ceilingNano === 0) return
    this.#setLeased(() => this.#meter.giveBack())
    const { env, size } = this.#options
    size.refresh(0)
    const report = this.#report()
    lender(env, namespace)
      .release(slug, id, version, report)
      .then(() => size.markReported(report.measured))
      .catch(() => {
        // Not lost: the namespace recalls what it still believes lent when it needs it.
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
