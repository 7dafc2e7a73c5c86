import type { Totals } from '../../../money.ts'
import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import { userTables } from '../../engine/schema.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { SizeMeasurement } from '../measurement.ts'
import { countRows } from './count-rows.ts'
import { GROWN_BYTES } from './day-samples.ts'
import type { SampleTracker } from './sample-tracker.ts'

/** The parts of the database that measuring uses. */
export interface SizeOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** Returns the total usage, whose written rows show whether the database changed. */
  readonly totals: () => Totals
  /** A task that holds the lock can replace all tables. */
  readonly exclusion: ExclusiveLock
  readonly samples: Pick<SampleTracker, 'sample'>
}

interface Kept extends SizeMeasurement {
  /** The total of written rows at that time: while it stays the same, nothing has changed. */
  readonly rowsWritten: number
}

const KEY = 'measured'

/** The size of a database for reports to its namespace, measured outside of calls and only after writes. */
export class SizeTracker {
  readonly #options: SizeOptions
  #kept: Kept | undefined
  #reportedAtMs: number | undefined
  #reportedBytes = 0

  constructor(options: SizeOptions) {
    this.#options = options
    this.#kept = options.storage.kv.get<Kept>(KEY)
  }

  /** Measures after a write, unless the last measurement is newer than `everyMs`. */
  refresh(everyMs: number): void {
    const { now, exclusion } = this.#options
    if (exclusion.held || this.#isMeasured) return
    if (!this.#kept || Math.abs(now() - this.#kept.measuredAtMs) >= everyMs || this.#hasChanged(this.#kept)) {
      this.measure()
    }
  }

  /**
   * Samples a database whose object ended after a write and before its measurement. It is measured at the next `refresh`,
   * because a measurement is written: the first write of an object takes longer than a request.
   */
  sampleUnmeasured(): void {
    if (!this.#isMeasured) this.#options.samples.sample()
  }

  /** Whether no rows were written since the last measurement. */
  get #isMeasured(): boolean {
    return this.#kept?.rowsWritten === this.#options.totals().rowsWritten
  }

  /** Whether the size changed so much since the last report that the namespace should have it immediately. */
  get hasGrown(): boolean {
    return this.#kept !== undefined && Math.abs(this.#kept.storedBytes - this.#reportedBytes) > GROWN_BYTES
  }

  /** The bytes by which the database has grown since the size that the namespace knows. */
  get unreportedBytes(): number {
    return this.#options.ownPages.tenantBytes() - this.#reportedBytes
  }

  #hasChanged({ storedBytes }: Kept): boolean {
    return Math.abs(this.#options.ownPages.tenantBytes() - storedBytes) > GROWN_BYTES
  }

  /** Returns the last measurement, unless the namespace has it already. */
  unreported(): SizeMeasurement | undefined {
    return this.#kept && this.#kept.measuredAtMs !== this.#reportedAtMs ? plain(this.#kept) : undefined
  }

  /** Records that the namespace has this measurement. */
  markReported(measured: SizeMeasurement | undefined): void {
    if (!measured) return
    this.#reportedAtMs = measured.measuredAtMs
    this.#reportedBytes = measured.storedBytes
  }

  /** Deletes the measurement. Call it after all tables can have changed, because the counters don't show that. */
  forget(): void {
    if (this.#kept) this.#options.storage.kv.delete(KEY)
    this.#kept = undefined
    this.#reportedAtMs = undefined
    this.#reportedBytes = 0
  }

  /** Measures the database now. */
  measure(): SizeMeasurement {
    const { storage, ownPages, now, totals, exclusion, samples } = this.#options
    const { sql } = storage
    const read = (text: string, ...params: number[]) => [...sql.exec(text, ...params).raw()]
    const { rows, isEstimate } = countRows(read, userTables(sql, null), sql.databaseSize)
    const kept: Kept = {
      storedBytes: ownPages.tenantBytes(),
      rows,
      rowsAreEstimated: isEstimate,
      // Two measurements with the same time would count as one.
      measuredAtMs: Math.max(now(), (this.#kept?.measuredAtMs ?? 0) + 1),
      rowsWritten: totals().rowsWritten,
    }
    if (!exclusion.held) {
      this.#kept = kept
      ownPages.around(() => storage.kv.put(KEY, kept))
    }
    samples.sample()
    return plain(kept)
  }
}

const plain = ({ rowsWritten: _, ...measured }: Kept): SizeMeasurement => measured
