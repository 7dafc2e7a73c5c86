/** The parts of the database that the check for growth uses. */
export interface GrowthWatchOptions {
  readonly file: { readonly databaseSize: number }
  /** The writes of a task that holds the lock can still be rolled back. */
  readonly exclusion: { readonly held: Promise<void> | undefined }
  readonly growth: { takeWritten(): boolean }
  readonly samples: { sampleAbove(databaseSize: number): void }
  readonly size: { readonly unreportedBytes: number; measure(): unknown }
  /** The bytes that are left in the namespace, as last reported. */
  readonly quotas: { readonly leftBytes: number }
  readonly writes: { freeze(): () => void }
  /** Reports the size, and requests the current quotas. */
  readonly report: () => Promise<void>
}

/** The time that calls spend in writes between two checks. A check takes time, so several short calls share one. */
const CHECK_MS = 10
/** A database reports when it has grown by 1% of what is left in its namespace, within these limits. */
const LEAST_BYTES = 16_000_000
const MOST_BYTES = 100_000_000

/** Checks after calls with writes whether the database has to be sampled, or has to report its size. */
export class GrowthWatch {
  readonly #options: GrowthWatchOptions
  #writeMs = 0
  /** The size of the file up to which no report is due. */
  #noneUpTo = 0
  #isReporting = false

  constructor(options: GrowthWatchOptions) {
    this.#options = options
  }

  /** Checks after a call. */
  called(durationMs: number): void {
    const { exclusion, growth, file, samples } = this.#options
    if (exclusion.held || !growth.takeWritten()) return
    this.#writeMs += durationMs
    if (this.#writeMs < CHECK_MS) return
    this.#writeMs = 0
    const { databaseSize } = file
    samples.sampleAbove(databaseSize)
    if (databaseSize > this.#noneUpTo) this.#check(databaseSize)
  }

  /** Measures again after the next call with writes, because the file can have become smaller. */
  forget(): void {
    this.#noneUpTo = 0
  }

  #check(databaseSize: number): void {
    const { size, quotas } = this.#options
    const most = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, quotas.leftBytes / 100))
    const grown = size.unreportedBytes
    this.#noneUpTo = databaseSize + most - Math.max(0, grown)
    if (grown > most && !this.#isReporting) this.#report()
  }

  /** Reports the size. Writes wait for the quotas that the namespace returns. */
  #report(): void {
    const { size, writes, report } = this.#options
    size.measure()
    const thaw = writes.freeze()
    this.#isReporting = true
    report()
      .catch(() => {
        // The next check repeats the report.
      })
      .finally(() => {
        this.#isReporting = false
        this.#noneUpTo = 0
        thaw()
      })
  }
}
