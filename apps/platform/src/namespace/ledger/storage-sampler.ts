import { now, toUtcDay } from '../../clock.ts'
import type { Database } from '../../database/object.ts'
import type { Remote } from '../../remote.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { LowBalance } from '../credit/low-balance.ts'
import type { DatabaseRecord } from '../databases/database-rows.ts'
import type { Databases } from '../databases/databases.ts'
import type { SnapshotBytes } from '../quotas/snapshot-bytes.ts'
import type { StorageBill } from './storage-bill.ts'

/** The services that storage samples depend on. */
export interface StorageSamplerOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly bill: StorageBill
  readonly snapshots: SnapshotBytes
  readonly lending: CreditAllocator
  readonly lowBalance: LowBalance
  readonly stub: (slug: string) => Pick<Remote<Database>, 'closeDay'>
}

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

  async #sample(record: DatabaseRecord, midnightMs: number): Promise<void> {
    const { storage, databases, bill, snapshots, lowBalance, stub } = this.#options
    const startMs = databases.getSampledAt(record.id)
    if (startMs === undefined || startMs >= midnightMs) return
    const closed = await stub(record.slug).closeDay(record.id, toUtcDay(midnightMs - 1))
    storage.transactionSync(() => {
      bill.close(record, midnightMs, closed?.samples ?? [])
      if (closed) {
        databases.recordMeasurement(record.id, closed.measured)
        snapshots.record(record.id, closed.snapshotBytes)
      }
      lowBalance.check(now())
    })
  }
}
