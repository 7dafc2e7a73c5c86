/** The time that all pauses of work with a time limit may take. */
export const MAX_PAUSES_MS = 5_000
/** The longest pause between two turns. */
const MAX_PAUSE_MS = 50
/** The time after which a turn is over. The runtime's clock counts whole milliseconds. */
const TURN_MS = 2

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
  #requests = requests
  #pauseMsLeft: number

  /** @param maxPausesMs the time that all pauses together may take: `MAX_PAUSES_MS` for work with a time limit */
  constructor(maxPausesMs = Number.POSITIVE_INFINITY) {
    this.#pauseMsLeft = maxPausesMs
  }

  /** Whether the turn is long enough that other requests should run. Work that has finished a small part asks for it. */
  get isOver(): boolean {
    return performance.now() - this.#startedMs >= TURN_MS
  }

  /** Begins a turn after a wait in which others could run. */
  begin(): void {
    this.#startedMs = performance.now()
  }

  /** Ends a turn, and resolves when the next one may begin. */
  async next(): Promise<void> {
    const turnMs = performance.now() - this.#startedMs
    // Calls between objects don't let the process accept requests. Waiting for a timer does.
    await delay(0)
    // Requests of the last pause count too: a client sends the next one soon.
    const areOthersActive = requests !== this.#requests
    this.#requests = requests
    const pauseMs = Math.min(turnMs, MAX_PAUSE_MS, this.#pauseMsLeft)
    if (areOthersActive && pauseMs > 0) {
      this.#pauseMsLeft -= pauseMs
      await delay(pauseMs)
    }
    this.begin()
  }
}
