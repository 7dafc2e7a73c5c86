import type { EndpointSpec } from '@persql/endpoint-spec'
import { toNetwork } from '../../ip-address.ts'
import type { SystemStorage } from '../engine/system-storage.ts'

/** Calls of one IP address in a window, which starts with the first of them. */
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
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [PREFIX]
const SWEEP_AT_ONCE = 1_000
/** IP addresses in memory; the counts of others are read from storage. */
const MAX_KNOWN = 10_000

/**
 * Counts of calls per endpoint and IP address. A count is written with the call and before the response is sent, so a
 * restart doesn't reset a limit. Refused calls write nothing, so the limit itself bounds the writes.
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

  /** Counts a call and returns 0, or returns the number of seconds until the next call is allowed. */
  take(slug: string, address: string, limit: NonNullable<EndpointSpec['rateLimit']>, nowMs: number): number {
    const key = `${PREFIX}${slug}/${toNetwork(address)}`
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

  /** Clears the cache; called after the database was wiped. */
  forget(): void {
    this.#known.clear()
  }

  /** Deletes expired counts. Returns the time of the next sweep, or `undefined` if no count is left. */
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

/** Returns the timer that deletes expired counts. */
export const timers = (services: { readonly rateLimits: RateLimits }) => ({
  rates: (nowMs: number) => services.rateLimits.sweep(nowMs),
})
