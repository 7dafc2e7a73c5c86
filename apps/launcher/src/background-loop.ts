import { setTimeout as delay } from 'node:timers/promises'

export interface BackgroundLoopOptions {
  /** The time between the end of one run and the start of the next. */
  readonly everyMs: number
  /** The time before the first run. Default: `everyMs`. */
  readonly firstAfterMs?: number
  /** Runs again and again, never twice at a time. The signal is aborted by `stop`. */
  readonly work: (signal: AbortSignal) => Promise<unknown>
  /** Called with the error of a run that failed. The next run follows as usual. */
  readonly onError: (cause: unknown) => void
}

/** Repeats work in the background until `stop`, also after a run that failed. */
export class BackgroundLoop {
  readonly #options: BackgroundLoopOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: BackgroundLoopOptions) {
    this.#options = options
  }

  /** The signal that the work gets, for other work that must end with it. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** Starts the loop, unless it runs or was stopped. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the loop. Resolves when no work runs. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { everyMs, firstAfterMs = everyMs, work, onError } = this.#options
    const { signal } = this
    for (let waitMs = firstAfterMs; ; waitMs = everyMs) {
      await delay(waitMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await work(signal)
      } catch (cause) {
        // A run that the stop ended didn't fail.
        if (!signal.aborted) onError(cause)
      }
    }
  }
}
