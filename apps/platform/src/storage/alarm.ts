/** The alarm of an object, which wakes it when its next timer is due. Times are of PerSQL's clock. */
export interface Alarm {
  /** Wakes the object at this time, or earlier. */
  set(atMs: number): void
  /** Sets the alarm that a crash can have lost. `next` returns its time. Call it when the object starts. */
  restore(next: () => number | undefined): void
  /** Removes the alarm. Call it before all data of the object is deleted. */
  clear(): Promise<void>
  /**
   * Runs the work of a wake-up, then returns the time of the next one. The caller registers it, so `set` does nothing
   * during the work.
   */
  during(work: () => Promise<void>, next: () => number | undefined): Promise<number | undefined>
  /**
   * Returns the time of the next wake-up, which the caller registers instead of the alarm that is set; `undefined` for
   * none, and if the runtime keeps the alarm.
   */
  handOver(next: () => number | undefined): number | undefined
}

/** The calls to the object that keeps the alarm of another one. */
export interface AlarmKeeper {
  set(atMs: number): Promise<void>
  clear(): Promise<void>
}

const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 60 * 60 * 1000

/** Returns the delay before the next attempt, by the number of failures before this one: 2 s, 4 s … 1 h. */
export const retryDelayMs = (failures: number): number => Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * An alarm that another object keeps, for objects whose files several processes open: the runtime would fire a native
 * alarm in each of them. A time is sent in the turn that sets it, so the runtime sends it after the writes of that turn
 * are on disk. Failed calls are repeated.
 */
export class KeptAlarm implements Alarm {
  readonly #keeper: AlarmKeeper
  readonly #wait: (ms: number) => Promise<unknown>
  /** The registered time, or the one on its way. */
  #atMs: number | undefined
  #isSent = true
  #isSending = false
  /** The number of wake-ups in progress. */
  #awake = 0

  /** @param wait waits before a call is repeated */
  constructor(keeper: AlarmKeeper, wait: (ms: number) => Promise<unknown> = delay) {
    this.#keeper = keeper
    this.#wait = wait
  }

  set(atMs: number): void {
    // An earlier wake-up returns the time of the next one.
    if (this.#awake > 0 || (this.#atMs !== undefined && this.#atMs <= atMs)) return
    this.#change(atMs)
  }

  restore(next: () => number | undefined): void {
    // If a wake-up starts the object, it runs first, and returns the next time itself.
    setTimeout(() => {
      const nextMs = next()
      if (nextMs !== undefined) this.set(nextMs)
    }, 0)
  }

  /** Doesn't wait: a needless wake-up of an empty object does no harm. */
  async clear(): Promise<void> {
    if (this.#awake === 0) this.#change(undefined)
  }

  async during(work: () => Promise<void>, next: () => number | undefined): Promise<number | undefined> {
    this.#awake++
    try {
      await work()
      this.#atMs = next()
      this.#isSent = true
      return this.#atMs
    } finally {
      this.#awake--
    }
  }

  /** If the caller can't register the time, the keeper wakes the object at an earlier one. */
  handOver(next: () => number | undefined): number | undefined {
    this.#atMs = next()
    return this.#atMs
  }

  #change(atMs: number | undefined): void {
    this.#atMs = atMs
    this.#isSent = false
    if (!this.#isSending) void this.#send()
  }

  /** Sends one call after the other, so that they arrive in order. */
  async #send(): Promise<void> {
    this.#isSending = true
    for (let failures = 0; !this.#isSent; ) {
      const atMs = this.#atMs
      this.#isSent = true
      try {
        await (atMs === undefined ? this.#keeper.clear() : this.#keeper.set(atMs))
        failures = 0
      } catch (cause) {
        if (this.#atMs === atMs) this.#isSent = false
        console.error(JSON.stringify({ level: 'warn', event: 'wake_up_not_registered', cause: String(cause) }))
        await this.#wait(retryDelayMs(failures++))
      }
    }
    this.#isSending = false
  }
}
