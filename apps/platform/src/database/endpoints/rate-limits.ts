import type { EndpointSpec } from '@persql/endpoint-spec'
import { networkOf } from '../../ip-address.ts'
import type { SystemStorage } from '../engine/system-storage.ts'

/** Calls of one address since a window was opened by the first of them. */
interface Window {
  readonly startMs: number
  readonly calls: number
}
interface Windows {
  readonly minute: Window
  readonly day: Window
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * 60_000
const PREFIX = 'rate/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]
const SWEEP_AT_ONCE = 1_000
/** Addresses remembered; of others the stored count is read again. */
const MAX_KNOWN = 10_000

/**
 * Counts the calls of each (endpoint, address). A count is written with the call, before the answer leaves, so that no
 * restart gives anyone more; a refused call writes nothing, so what is written is bounded by the limit itself.
 */
export class RateLimits {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #known = new Map<string, Windows>()

  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#sweepAt = sweepAt
  }

  /** Counts a call, or says for how many seconds there is no room for it. */
  take(slug: string, address: string, limit: NonNullable<EndpointSpec['rateLimit']>, nowMs: number): number {
    const key = `${PREFIX}${slug}/${networkOf(address)}`
    const windows = this.#known.get(key) ?? this.#kv.get<Windows>(key)
    const minute = current(windows?.minute, MINUTE_MS, nowMs)
    const day = current(windows?.day, DAY_MS, nowMs)
    const waitS = Math.max(
      limit.perMin !== undefined && minute.calls >= limit.perMin ? secondsLeft(minute, MINUTE_MS, nowMs) : 0,
      limit.perDay !== undefined && day.calls >= limit.perDay ? secondsLeft(day, DAY_MS, nowMs) : 0,
    )
    if (waitS > 0) return waitS
    const counted = { minute: { ...minute, calls: minute.calls + 1 }, day: { ...day, calls: day.calls + 1 } }
    this.#ownPages.around(() => {
      this.#kv.put(key, counted)
      if (!windows) this.#sweepAt(nowMs + DAY_MS)
    })
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(key, counted)
    return 0
  }

  /** To be called when the database was wiped. */
  forget(): void {
    this.#known.clear()
  }

  /** Drops counts that no longer matter. Returns when to come again, or `undefined` when nothing is left. */
  sweep(nowMs: number): number | undefined {
    let left = false
    let from: string | undefined
    for (;;) {
      const some = [
        ...this.#kv.list<Windows>({ prefix: PREFIX, limit: SWEEP_AT_ONCE, ...(from && { startAfter: from }) }),
      ]
      this.#ownPages.around(() => {
        for (const [key, { day }] of some) {
          if (day.startMs + DAY_MS > nowMs) left = true
          else {
            this.#kv.delete(key)
            this.#known.delete(key)
          }
        }
      })
      from = some.at(-1)?.[0]
      if (some.length < SWEEP_AT_ONCE) return left ? nowMs + DAY_MS / 24 : undefined
    }
  }
}

const current = (window: Window | undefined, lengthMs: number, nowMs: number): Window =>
  window && window.startMs + lengthMs > nowMs ? window : { startMs: nowMs, calls: 0 }

const secondsLeft = ({ startMs }: Window, lengthMs: number, nowMs: number): number =>
  Math.max(1, Math.ceil((startMs + lengthMs - nowMs) / 1000))

/** Returns the timer that deletes counts whose windows are over. */
export const timers = (services: { readonly rateLimits: RateLimits }) => ({
  rates: (nowMs: number) => services.rateLimits.sweep(nowMs),
})
