import { now } from '../../clock.ts'
import type { Database } from '../../database/object.ts'
import type { Remote } from '../../remote.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { LowBalance } from '../credit/low-balance.ts'
import type { DatabaseRecord, Databases } from '../databases/databases.ts'
import type { Ledger } from './ledger.ts'

/** The services that storage samples depend on. */
export interface StorageSamplerOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly ledger: () => Ledger
  readonly lending: CreditAllocator
  readonly lowBalance: LowBalance
  readonly stub: (slug: string) => Pick<Remote<Database>, 'measure'>
}

const HOUR_MS = 60 * 60 * 1000

/** Bills the storage of databases by samples of their size. */
export class StorageSampler {
  readonly #options: StorageSamplerOptions

  constructor(options: StorageSamplerOptions) {
    this.#options = options
  }

  /** Bills the storage of all databases until midnight. */
  async sampleAll(midnightMs: number): Promise<void> {
    const { databases, lending } = this.#options
    await lending.each(databases.listDueForSampling(), (record) => this.#sample(record, midnightMs))
  }

  /** Bills storage for the full hours since the last sample, up to 24 hours. */
  async #sample(record: DatabaseRecord & { readonly sampledAtMs: number }, midnightMs: number): Promise<void> {
    const { storage, databases, ledger, lowBalance, stub } = this.#options
    const hours = Math.min(24, Math.floor((midnightMs - record.sampledAtMs) / HOUR_MS))
    if (hours < 1) return
    const measured = await stub(record.slug).measure(record.id)
    storage.transactionSync(() => {
      ledger().debitStorage(record.id, record.slug, (measured?.storedBytes ?? 0) * hours)
      if (measured) databases.recordMeasurement(record.id, measured)
      databases.markSampled(record.id, midnightMs)
      lowBalance.check(now())
    })
  }
}
