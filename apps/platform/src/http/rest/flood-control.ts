const MAX_KEYS = 50_000

/** Counts events by key in this isolate. A coarse limit in front of everything, not a quota. */
export class FixedWindowCounter {
  readonly #ms: number
  readonly #counts = new Map<string, number>()
  #startMs = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Counts one event. Returns the seconds to wait if the window has more than `most` events, else 0. */
  waitS(key: string, most: number, nowMs: number): number {
    if (nowMs - this.#startMs >= this.#ms) {
      this.#counts.clear()
      this.#startMs = nowMs
    }
    const made = (this.#counts.get(key) ?? 0) + 1
    // The table is full, so the attack comes from very many IP addresses. New ones share one entry.
    this.#counts.set(made > 1 || this.#counts.size < MAX_KEYS ? key : '', made)
    return made > most ? Math.max(1, Math.ceil((this.#startMs + this.#ms - nowMs) / 1000)) : 0
  }
}

const requests = new FixedWindowCounter(60_000)

/** Counts a request of an IP address. Returns the seconds to wait if it made too many requests this minute, else 0. */
export const floodRetryAfterS = (address: string, perMinute: number, nowMs: number): number =>
  requests.waitS(address, perMinute, nowMs)
