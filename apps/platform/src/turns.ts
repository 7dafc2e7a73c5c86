/** The time that all pauses of work with a time limit may take. */
export const MAX_PAUSES_MS = 5_000
/** The longest pause between two turns. */
const MAX_PAUSE_MS = 50

let requests = 0

// Not `scheduler.wait`: tests run without the runtime.
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Counts a request, so that long work notices that others are active. */
export const noteRequest = (): void => void requests++

/**
 * Divides long work into turns, so that the other requests of the process run in between. While there are any, the work
 * gets at most half of the time.
 */
export class Turns {
  #startedMs = performance.now()
  #pauseMsLeft: number

  /** @param maxPausesMs the time that all pauses together may take: `MAX_PAUSES_MS` for work with a time limit */
  constructor(maxPausesMs = Number.POSITIVE_INFINITY) {
    this.#pauseMsLeft = maxPausesMs
  }

  /** Ends a turn, and resolves when the next one may begin. */
  async next(): Promise<void> {
    const turnMs = performance.now() - this.#startedMs
    const before = requests
    // Calls between objects don't let the process accept requests. Waiting for a timer does.
    await delay(0)
    const pauseMs = Math.min(turnMs, MAX_PAUSE_MS, this.#pauseMsLeft)
    if (requests !== before && pauseMs > 0) {
      this.#pauseMsLeft -= pauseMs
      await delay(pauseMs)
    }
    this.#startedMs = performance.now()
  }
}
