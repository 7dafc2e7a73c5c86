import { now, toUtcDay } from '../../clock.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { IdentityStore } from '../identity.ts'
import type { Ledger } from './ledger.ts'
import type { StorageSampler } from './storage-sampler.ts'

/** The services that the daily close depends on. */
export interface DayCloseOptions {
  readonly ctx: Pick<DurableObjectState, 'storage' | 'waitUntil'>
  readonly identity: IdentityStore
  readonly ledger: () => Ledger
  readonly lending: CreditAllocator
  readonly sampler: StorageSampler
  /** Reports the balance and the difference between running sums and tables to the Directory. */
  readonly reconciled: (slug: string, balanceNano: number, driftNano: number) => Promise<void>
  /** Schedules a call of `run`. */
  readonly runAt: (atMs: number) => void
}

const DRIFT = 'drift'

/**
 * Closes past days: collects counters, samples storage, posts usage and checks the sums. Each step can be repeated, so
 * the next run finishes what an interruption left undone.
 */
export class DayClose {
  readonly #options: DayCloseOptions
  #closing: Promise<void> | undefined

  constructor(options: DayCloseOptions) {
    this.#options = options
  }

  /** The difference between running sums and tables at the last close. */
  get driftNano(): number {
    return this.#options.ctx.storage.kv.get<number>(DRIFT) ?? 0
  }

  run(): Promise<void> {
    this.#closing ??= this.#close(now()).finally(() => {
      this.#closing = undefined
    })
    return this.#closing
  }

  /** Closes in the background if a day is over and the timer didn't fire because the process was stopped. */
  runIfLate(): void {
    const { ctx, ledger } = this.#options
    if (toUtcDay(now()) > ledger().day) ctx.waitUntil(this.run())
  }

  /** Schedules the next run for the end of the day. */
  setNext(nowMs: number): void {
    this.#options.runAt(nextMidnight(nowMs))
  }

  async #close(nowMs: number): Promise<void> {
    const { ctx, identity, ledger, lending, sampler, reconciled } = this.#options
    if (toUtcDay(nowMs) > ledger().day) {
      await lending.collect()
      await sampler.sampleAll(Date.parse(toUtcDay(nowMs)))
      ledger().close(nowMs)
      await lending.coverOverdraft()
    }
    const { balanceNano, driftNano } = ledger().reconcile()
    const { slug, deletedAtMs } = identity.existing
    if (driftNano !== 0) {
      console.error(JSON.stringify({ level: 'error', event: 'ledger_drift', namespace: slug, driftNano }))
    }
    ctx.storage.kv.put(DRIFT, driftNano)
    await reconciled(slug, balanceNano, driftNano)
    // A deleted namespace has no more usage.
    if (!deletedAtMs) this.setNext(nowMs)
  }
}

const nextMidnight = (nowMs: number) => Date.parse(`${toUtcDay(nowMs + 86_400_000)}T00:00:00Z`)
