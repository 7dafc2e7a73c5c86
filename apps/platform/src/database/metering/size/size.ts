import type { Totals } from '../../../money.ts'
import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { userTables } from '../../engine/schema.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { isCurrent, type KeptSummary, summarize } from '../../versions/schema-summary.ts'
import type { SchemaSummary, SizeMeasurement } from '../measurement.ts'
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

/** The last measurement. One of an older version has no schema. */
interface Kept extends Omit<SizeMeasurement, keyof SchemaSummary> {
  readonly schema?: KeptSummary
  /** The total of written rows at that time: while it stays the same, nothing has changed. */
  readonly rowsWritten: number
}

const KEY = 'measured'
/** Characters of a schema per millisecond between measurements after schema changes, so that they take little time. */
const CHARACTERS_PER_MS = 100

/** The size of a database for reports to its namespace, measured outside of calls and only after writes. */
export class SizeTracker {
  readonly #options: SizeOptions
  #kept: Kept | undefined
  #reportedAtMs: number | undefined
  #reportedBytes = 0
  #reportedSchema: string | undefined

  constructor(options: SizeOptions) {
    this.#options = options
    this.#kept = options.storage.kv.get<Kept>(KEY)
  }

  /** Measures after a write, unless the last measurement is newer than `everyMs`; sooner after a schema change. */
  refresh(everyMs: number): void {
    const { now, exclusion, storage } = this.#options
    if (exclusion.held) return
    const isSchemaKnown = isCurrent(storage.kv, this.#kept?.schema)
    if (isSchemaKnown && this.#areRowsMeasured) return
    const schemaMs = isSchemaKnown ? everyMs : (this.#kept?.schema?.characters ?? 0) / CHARACTERS_PER_MS
    const age = this.#kept ? Math.abs(now() - this.#kept.measuredAtMs) : Number.POSITIVE_INFINITY
    if (age >= Math.min(everyMs, schemaMs) || (this.#kept && this.#hasChanged(this.#kept))) this.measure()
  }

  /**
   * Samples a database whose object ended after a write and before its measurement. It is measured at the next `refresh`,
   * because a measurement is written: the first write of an object takes longer than a request.
   */
  sampleUnmeasured(): void {
    if (!this.#areRowsMeasured) this.#options.samples.sample()
  }

  /** Whether no rows were written since the last measurement. */
  get #areRowsMeasured(): boolean {
    return this.#kept?.rowsWritten === this.#options.totals().rowsWritten
  }

  /** Whether the schema, or the size by much, changed since the last report, so that the namespace should have it immediately. */
  get isReportDue(): boolean {
    if (this.#kept === undefined) return false
    const hasGrown = Math.abs(this.#kept.storedBytes - this.#reportedBytes) > GROWN_BYTES
    return hasGrown || toSchemaText(plain(this.#kept)) !== this.#reportedSchema
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
    this.#reportedSchema = toSchemaText(measured)
  }

  /** Deletes the measurement. Call it after all tables can have changed, because the counters don't show that. */
  forget(): void {
    if (this.#kept) this.#options.storage.kv.delete(KEY)
    this.#kept = undefined
    this.#reportedAtMs = undefined
    this.#reportedBytes = 0
    this.#reportedSchema = undefined
  }

  /** Measures the database now. */
  measure(): SizeMeasurement {
    const { storage, ownPages, now, totals, exclusion, samples } = this.#options
    const { sql } = storage
    const read = (text: string, ...params: number[]) => [...sql.exec(text, ...params).raw()]
    const { rows, isEstimate } = countRows(read, userTables(sql, null), sql.databaseSize)
    const schema = ownPages.around(() => summarize(createRunSql(sql), storage.kv, this.#kept?.schema))
    const kept: Kept = {
      schema,
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

const plain = ({ rowsWritten: _, schema, ...measured }: Kept): SizeMeasurement => ({
  ...measured,
  schemaHash: schema?.schemaHash ?? null,
  migration: schema?.migration ?? null,
})

const toSchemaText = ({ schemaHash, migration }: SchemaSummary): string => JSON.stringify([schemaHash, migration])
