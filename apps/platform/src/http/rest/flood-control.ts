const MAX_KEYS = 50_000

/** Counts what is done by key, of this isolate: a coarse net in front of everything, not a quota. */
export class FixedWindowCounter {
  readonly #ms: number
  readonly #counts = new Map<string, number>()
  #startMs = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Counts one. Returns the seconds to wait when there were more than `most` in this window, else 0. */
  waitS(key: string, most: number, nowMs: number): number {
    if (nowMs - this.#startMs >= this.#ms) {
      this.#counts.clear()
      this.#startMs = nowMs
    }
    const made = (this.#counts.get(key) ?? 0) + 1
    // A full table means an attack from very many addresses: those not in it share one entry.
    this.#counts.set(made > 1 || this.#counts.size < MAX_KEYS ? key : '', made)
    return made > most ? Math.max(1, Math.ceil((this.#startMs + this.#ms - nowMs) / 1000)) : 0
  }
}

const requests = new FixedWindowCounter(60_000)

/** Counts a request of an address. Returns the seconds to wait when it made too many this minute, else 0. */
export const floodRetryAfterS = (address: string, perMinute: number, nowMs: number): number =>
  requests.waitS(address, perMinute, nowMs)
