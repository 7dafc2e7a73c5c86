/** Asks a process for its identifier. Rejects, or returns an empty text, if no process listens. */
type Ask = () => Promise<string>

/** Finds whether the reader processes run. */
export class ReaderHealth {
  readonly #asks: readonly Ask[]
  /** The readers that have responded since this process started. */
  readonly #listened = new Set<Ask>()

  constructor(asks: readonly Ask[]) {
    this.#asks = asks
  }

  /**
   * Returns whether a process runs: `starting` until one has responded. A process that responded before, and doesn't before
   * `wait` ends, is busy with a read.
   */
  async find(wait: () => Promise<unknown>): Promise<'ok' | 'starting' | 'down'> {
    const running = this.#asks.map(async (ask) => {
      const answered = ask().then(
        (run) => run !== '',
        () => false,
      )
      const isRunning = await Promise.race([answered, wait().then(() => undefined)])
      if (isRunning) this.#listened.add(ask)
      return isRunning ?? this.#listened.has(ask)
    })
    if ((await Promise.all(running)).includes(true)) return 'ok'
    return this.#listened.size === 0 ? 'starting' : 'down'
  }
}
