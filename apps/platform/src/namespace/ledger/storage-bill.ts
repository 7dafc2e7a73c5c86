import type { DaySample } from '../../database/metering/size/day-samples.ts'
import { type BilledStorage, NOT_BILLED, type StoragePeriod, toBill } from './storage-due.ts'

/** The stores that storage bills depend on. */
export interface StorageBillOptions {
  readonly kv: {
    get<T>(key: string): T | undefined
    put<T>(key: string, value: T): void
    delete(key: string): boolean
  }
  readonly databases: {
    getSampledAt(id: string): number | undefined
    markSampled(id: string, atMs: number): void
  }
  readonly ledger: () => { readonly day: string; debitStorage(id: string, slug: string, byteHours: number): void }
}

/** The database that is billed. */
interface Billed {
  readonly id: string
  readonly slug: string
}

const PREFIX = 'billed-storage/'
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Bills the storage of databases by their samples. A period starts when storage was last billed and ends with the open
 * day. Its bill is the largest sample, so a sample is billed immediately, and the close of the day bills what it adds.
 * Call the methods in a transaction.
 */
export class StorageBill {
  readonly #options: StorageBillOptions

  constructor(options: StorageBillOptions) {
    this.#options = options
  }

  /** Returns whether these samples raise the bill of the current period. */
  isRaisedBy({ id }: Billed, samples: readonly DaySample[]): boolean {
    const { ledger } = this.#options
    // Every report repeats the samples of closed days.
    if (samples.every(({ day }) => day < ledger().day)) return false
    const period = this.#openPeriod(id)
    return period !== undefined && toBill(this.#billed(id), period, samples).dueByteHours > 0
  }

  /** Bills what these samples add to the current period. Repeated samples add nothing. */
  raise(database: Billed, samples: readonly DaySample[]): void {
    const period = this.#openPeriod(database.id)
    if (period) this.#bill(database, period, samples)
  }

  /** Bills a period that ends at midnight, and starts the next one. */
  close(database: Billed, midnightMs: number, samples: readonly DaySample[]): void {
    const { kv, databases } = this.#options
    const startMs = databases.getSampledAt(database.id)
    // A repeated close must not end the period that an earlier one started.
    if (startMs === undefined || startMs >= midnightMs) return
    this.#bill(database, { startMs, endMs: midnightMs }, samples)
    databases.markSampled(database.id, midnightMs)
    kv.delete(PREFIX + database.id)
  }

  forget(databaseId: string): void {
    this.#options.kv.delete(PREFIX + databaseId)
  }

  #bill({ id, slug }: Billed, period: StoragePeriod, samples: readonly DaySample[]): void {
    const { kv, ledger } = this.#options
    const { billed, dueByteHours } = toBill(this.#billed(id), period, samples)
    if (dueByteHours === 0) return
    ledger().debitStorage(id, slug, dueByteHours)
    kv.put(PREFIX + id, billed)
  }

  #openPeriod(id: string): StoragePeriod | undefined {
    const { databases, ledger } = this.#options
    const startMs = databases.getSampledAt(id)
    const endMs = Date.parse(ledger().day) + DAY_MS
    return startMs !== undefined && startMs < endMs ? { startMs, endMs } : undefined
  }

  #billed(id: string): BilledStorage {
    return this.#options.kv.get<BilledStorage>(PREFIX + id) ?? NOT_BILLED
  }
}
