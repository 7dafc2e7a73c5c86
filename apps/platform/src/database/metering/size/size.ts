import type { Totals } from '../../../money.ts'
import { userTables } from '../../engine/schema.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { SizeMeasurement } from '../measurement.ts'
import { countRows } from './count-rows.ts'

/** What measuring needs of the database. */
export interface SizeOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** All that was ever used: what was written shows in it. */
  readonly totals: () => Totals
  /** Whether the tables are being replaced. */
  readonly isHeld: () => boolean
}

interface Kept extends SizeMeasurement {
  /** Rows ever written by then: as long as that stays, nothing has changed. */
  readonly rowsWritten: number
}

const KEY = 'measured'

/** The size of a database, measured off the path of calls and only when something was written, for its namespace to tell. */
export class SizeTracker {
  readonly #options: SizeOptions
  #kept: Kept | undefined
  #toldAtMs: number | undefined

  constructor(options: SizeOptions) {
    this.#options = options
    this.#kept = options.storage.kv.get<Kept>(KEY)
  }

  /** Measures when something was written, unless that was done less than `everyMs` ago. */
  refresh(everyMs: number): void {
    const { now, totals, isHeld } = this.#options
    if (isHeld() || this.#kept?.rowsWritten === totals().rowsWritten) return
    if (!this.#kept || Math.abs(now() - this.#kept.measuredAtMs) >= everyMs) this.measure()
  }

  /** The last measurement, if the namespace does not have it yet. */
  unreported(): SizeMeasurement | undefined {
    return this.#kept && this.#kept.measuredAtMs !== this.#toldAtMs ? plain(this.#kept) : undefined
  }

  /** To be called when the namespace has got it. */
  markReported(measured: SizeMeasurement | undefined): void {
    if (measured) this.#toldAtMs = measured.measuredAtMs
  }

  /** To be called when all tables may be others: then counters tell nothing. */
  forget(): void {
    if (this.#kept) this.#options.storage.kv.delete(KEY)
    this.#kept = undefined
    this.#toldAtMs = undefined
  }

  /** Measures now. */
  measure(): SizeMeasurement {
    const { storage, ownPages, now, totals, isHeld } = this.#options
    const { sql } = storage
    const read = (text: string, ...params: number[]) => [...sql.exec(text, ...params).raw()]
    const { rows, isEstimate } = countRows(read, userTables(sql, null), sql.databaseSize)
    const kept: Kept = {
      storedBytes: ownPages.tenantBytes(),
      rows,
      rowsAreEstimated: isEstimate,
      // Two of the same moment would be taken for one.
      measuredAtMs: Math.max(now(), (this.#kept?.measuredAtMs ?? 0) + 1),
      rowsWritten: totals().rowsWritten,
    }
    if (!isHeld()) {
      this.#kept = kept
      ownPages.around(() => storage.kv.put(KEY, kept))
    }
    return plain(kept)
  }
}

const plain = ({ rowsWritten: _, ...measured }: Kept): SizeMeasurement => measured
