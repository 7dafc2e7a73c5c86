/** The parts of the database that the check for growth uses. */
export interface GrowthWatchOptions {
  readonly file: { readonly databaseSize: number }
  /** The writes of a task that holds the lock can still be rolled back. */
  readonly exclusion: { readonly held: Promise<void> | undefined }
  readonly growth: { takeWritten(): boolean }
  readonly samples: { sampleAbove(databaseSize: number): void }
}

/** The time that calls spend in writes between two checks. A check takes time, so several short calls share one. */
const CHECK_MS = 10

/** Checks after calls with writes whether the database has to be sampled. */
export class GrowthWatch {
  readonly #options: GrowthWatchOptions
  #writeMs = 0

  constructor(options: GrowthWatchOptions) {
    this.#options = options
  }

  /** Checks after a call. */
  called(durationMs: number): void {
    const { exclusion, growth, file, samples } = this.#options
    if (!growth.takeWritten() || exclusion.held) return
    this.#writeMs += durationMs
    if (this.#writeMs < CHECK_MS) return
    this.#writeMs = 0
    samples.sampleAbove(file.databaseSize)
  }
}
