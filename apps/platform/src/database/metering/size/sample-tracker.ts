import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { type DaySample, type DaySamples, GROWN_BYTES, NO_SAMPLES, observe, takeSample } from './day-samples.ts'

/** The parts of the database that sampling uses. */
export interface SampleTrackerOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** The writes of a task that holds the lock can still be rolled back. */
  readonly exclusion: ExclusiveLock
  /** The snapshots, which are billed with the database. */
  readonly history: { readonly bytes: number }
  readonly isDatabase: () => boolean
}

const KEY = 'storage-samples'

/** Samples the storage of a database for its bill: when a day is over, and when it has grown by more than 100 MB. */
export class SampleTracker {
  readonly #options: SampleTrackerOptions
  #samples: DaySamples
  #areReported = false
  /** The size of the file up to which no sample is due. */
  #noneUpTo = 0

  constructor(options: SampleTrackerOptions) {
    this.#options = options
    this.#samples = options.storage.kv.get<DaySamples>(KEY) ?? NO_SAMPLES
  }

  /** The last two days with samples. Every report contains them, because a lost report isn't repeated. */
  get days(): readonly DaySample[] {
    return this.#samples.days
  }

  /** Whether the namespace doesn't have the newest sample yet. */
  get isUnreported(): boolean {
    return !this.#areReported && this.#samples.days.length > 0
  }

  /** Records that the namespace has these samples. */
  markReported(days: readonly DaySample[] | undefined): void {
    if (days === this.#samples.days) this.#areReported = true
  }

  /** Samples a database if its file is large enough for that. */
  sampleAbove(databaseSize: number): void {
    if (databaseSize > this.#noneUpTo) this.sample()
  }

  /** Takes a sample if the database has grown by more than 100 MB since the last one. */
  sample(): void {
    if (!this.#canSave()) return
    const bytes = this.#totalBytes()
    this.#save(observe(this.#samples, bytes, this.#options.now()), bytes)
  }

  /** Takes the sample of a day that is over. */
  close(day: string): void {
    if (!this.#canSave()) return
    const bytes = this.#totalBytes()
    this.#save(takeSample(this.#samples, bytes, day), bytes)
  }

  /** Clears the memory when the database is deleted. */
  forget(): void {
    this.#samples = NO_SAMPLES
    this.#areReported = false
    this.#noneUpTo = 0
  }

  #totalBytes(): number {
    const { ownPages, history } = this.#options
    return ownPages.tenantBytes() + history.bytes
  }

  #canSave(): boolean {
    return !this.#options.exclusion.held && this.#options.isDatabase()
  }

  #save(samples: DaySamples, bytes: number): void {
    const { storage, ownPages } = this.#options
    if (samples !== this.#samples) {
      ownPages.around(() => storage.kv.put(KEY, samples))
      if (samples.days !== this.#samples.days) this.#areReported = false
      this.#samples = samples
    }
    this.#noneUpTo = storage.sql.databaseSize + GROWN_BYTES - (bytes - samples.lowBytes)
  }
}
