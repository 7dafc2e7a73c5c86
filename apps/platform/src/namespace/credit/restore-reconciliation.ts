import { now } from '../../clock.ts'
import type { Report } from '../../database/metering/meter.ts'
import type { Database } from '../../database/object.ts'
import { costNano, growth, type Totals } from '../../money.ts'
import type { Remote } from '../../remote.ts'
import type { DatabaseRecord } from '../databases/database-rows.ts'
import type { DatabaseService } from '../databases/database-service.ts'
import type { Databases } from '../databases/databases.ts'
import type { WakeUps } from '../databases/wake-ups.ts'
import type { Bookings } from './bookings.ts'
import { recall } from './credit-account.ts'
import type { CreditAllocator } from './credit-allocator.ts'

/** The services that the reconciliation after a restore depends on. */
export interface RestoreReconciliationOptions {
  readonly storage: Pick<DurableObjectStorage, 'kv' | 'transactionSync'>
  /** Identifies the restore that filled the data folder; `undefined` if all namespaces were reconciled since. */
  readonly restoreId: string | undefined
  readonly databases: Databases
  readonly databaseService: Pick<DatabaseService, 'discard'>
  readonly lending: Pick<CreditAllocator, 'each'>
  readonly bookings: Bookings
  readonly wakeUps: Pick<WakeUps, 'set'>
  readonly stub: (slug: string) => Pick<Remote<Database>, 'report'>
  /** Schedules a run of due wake-ups. */
  readonly wakeAt: (atMs: number) => void
}

/** The last restore that this namespace saw. */
const SEEN = 'restore'
/** The databases that aren't reconciled yet, by ID. */
const PENDING = 'restore-pending/'

/**
 * Reconciles a namespace with its databases after the instance was restored from a backup, because the copies are of
 * different moments. The balance never grows: usage that only a database counted is debited, and usage that only the
 * namespace saw stays debited.
 */
export class RestoreReconciliation {
  readonly #options: RestoreReconciliationOptions
  readonly #pending = new Set<string>()

  constructor(options: RestoreReconciliationOptions) {
    this.#options = options
  }

  /**
   * Returns all credit that databases held at the time of the backup, once per restore. Call it when the namespace
   * starts, before a database can take a lease.
   */
  begin(): void {
    const { storage, restoreId, databases } = this.#options
    if (restoreId === undefined) return
    if (storage.kv.get(SEEN) !== restoreId) {
      storage.transactionSync(() => {
        for (const { id, lease } of databases.listLeaseHolders()) databases.putLease(id, recall(lease))
        for (const { id } of databases.listHealthy()) storage.kv.put(PENDING + id, restoreId)
        this.skip()
      })
    }
    for (const [key] of storage.kv.list({ prefix: PENDING })) this.#pending.add(key.slice(PENDING.length))
  }

  /** Records that a new namespace has nothing to reconcile. */
  skip(): void {
    const { storage, restoreId } = this.#options
    if (restoreId !== undefined) storage.kv.put(SEEN, restoreId)
  }

  /**
   * Takes over the counters and the generation of a database's file, once per restore. Each difference is an entry of the
   * ledger. Call it before its counters are settled. Returns whether it changed the record.
   * @param id the database in the file; `undefined` if the file is empty
   */
  reconcile(record: DatabaseRecord, id: string | undefined, { totals, generation = 0 }: Report): boolean {
    if (!this.#pending.has(record.id)) return false
    const { storage, restoreId, databases, bookings } = this.#options
    bookings.write(() => {
      storage.kv.delete(PENDING + record.id)
      // The file of another database is damage, which is reported when it takes a lease.
      if (id !== record.id) return
      const lease = databases.lease(record.id)
      const differences = subtract(totals, lease.seen)
      if (Object.values(differences).some((count) => count !== 0)) {
        const debitNano = costNano(growth(lease.seen, totals))
        const detail = { database: record.slug, ...differences }
        bookings.enter('restore_adjustment', 0 - debitNano, `restore:${restoreId}:${record.id}`, detail, 'system')
      }
      databases.putLease(record.id, recall({ ...lease, seen: totals }))
      databases.setGeneration(record.id, generation)
    })
    this.#pending.delete(record.id)
    return true
  }

  /**
   * Finishes the reconciliation: deletes databases that were deleted during the backup, asks the others for their
   * counters, and wakes them, because a timer can be newer than the copy of this namespace. It can be repeated. Returns
   * whether all databases answered.
   */
  async finish(deleted: readonly string[]): Promise<boolean> {
    const { databases, databaseService, lending, wakeUps, stub, wakeAt } = this.#options
    for (const id of deleted) {
      const record = databases.byId(id)
      if (record) await databaseService.discard(record.slug)
    }
    const records = databases.listHealthy()
    const isComplete = await lending.each(records, async (record) => {
      if (!this.#pending.has(record.id)) return
      const { id, ...report } = await stub(record.slug).report()
      const known = databases.byId(record.id)
      if (known) this.reconcile(known, id, report)
    })
    for (const { slug } of records) wakeUps.set(slug, now())
    // A new time of the native alarm also repairs the runtime's list of alarms.
    wakeAt(now())
    return isComplete
  }
}

const subtract = (a: Totals, b: Totals): Totals => ({
  requests: a.requests - b.requests,
  rowsRead: a.rowsRead - b.rowsRead,
  rowsWritten: a.rowsWritten - b.rowsWritten,
  aiTokens: a.aiTokens - b.aiTokens,
})
