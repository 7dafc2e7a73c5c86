import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Allowance, Report } from '../../database/metering/meter.ts'
import type { Database } from '../../database/object.ts'
import { endContinued } from '../../database-calls.ts'
import type { Env } from '../../env.ts'
import { costNano, REQUEST_NANO } from '../../money.ts'
import type { Remote } from '../../remote.ts'
import type { DatabaseRecord } from '../databases/database-rows.ts'
import type { Databases } from '../databases/databases.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { StorageBill } from '../ledger/storage-bill.ts'
import type { SnapshotBytes } from '../quotas/snapshot-bytes.ts'
import { assertAffordable, balance, grant, outstanding, recall, settle } from './credit-account.ts'
import type { LowBalance } from './low-balance.ts'

/** A database that doesn't respond within this time keeps its credit, and the others continue. */
const ANSWER_MS = 2_000
const AT_ONCE = 50

interface LendingOptions {
  readonly env: Env
  readonly namespace: () => string
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly ledger: () => Ledger
  readonly stub: (slug: string) => Pick<Remote<Database>, 'recall' | 'report' | 'revoke'>
  readonly lowBalance: LowBalance
  readonly snapshots: SnapshotBytes
  readonly storageBill: StorageBill
  /** Called with the slug of a database in the transaction that gives it a lease. */
  readonly leased: (slug: string) => void
  /** Restarts the object from its stored state. */
  readonly abort: (reason: string) => void
}

/** Allocates the credit of a namespace to its databases. */
export class CreditAllocator {
  readonly #options: LendingOptions
  #recalling: Promise<boolean> | undefined

  constructor(options: LendingOptions) {
    this.#options = options
  }

  /**
   * Allocates credit to a database.
   * @param healthy returns the record again after reclaiming credit: the database can have been deleted since
   */
  async allocate(
    record: DatabaseRecord,
    healthy: () => DatabaseRecord,
  ): Promise<Allowance & { readonly databaseId: string }> {
    const { databases, ledger, leased } = this.#options
    let known = record
    let before = databases.lease(known.id)
    if (this.freeNano() + outstanding(before) < REQUEST_NANO) {
      const isComplete = await this.reclaim(known.id)
      known = healthy()
      before = databases.lease(known.id)
      assertAffordable(ledger().account, this.freeNano() + outstanding(before), isComplete)
    }
    const { id, slug } = known
    const lease = grant(ledger().account, before, databases.lentNano - outstanding(before))
    databases.putLease(id, lease)
    leased(slug)
    return { databaseId: id, version: lease.version, ceilingNano: lease.ceilingNano }
  }

  /** Reclaims the credit that a database returns, unless it has a newer lease. Returns whether it holds no lease now. */
  release(record: DatabaseRecord, version: number, report: Report): boolean {
    const { databases } = this.#options
    this.settle(record, report)
    const lease = databases.lease(record.id)
    if (lease.version !== version) return false
    databases.putLease(record.id, recall(lease))
    return true
  }

  /** Settles the counters of a database. */
  settle(record: DatabaseRecord, report: Report): void {
    const { totals, byToken, measured, generation = 0, snapshotBytes = 0, samples = [] } = report
    const { storage, databases, ledger, lowBalance, snapshots, storageBill, abort } = this.#options
    const { lease, used } = settle(ledger().account, databases.lease(record.id), totals)
    const hasUse = Object.values(used).some((count) => count > 0) || byToken.length > 0
    const isKnown = generation <= record.generation && snapshotBytes === snapshots.of(record.id)
    const isBilled = !storageBill.isRaisedBy(record, samples)
    if (!hasUse && !measured && isKnown && isBilled) return
    try {
      storage.transactionSync(() => {
        ledger().debit(record.id, record.slug, used)
        for (const { tokenId, ...usedByToken } of byToken) ledger().countForToken(tokenId, usedByToken)
        databases.putLease(record.id, lease)
        if (costNano(used) > 0) databases.recordUse(record.id, now())
        if (measured) databases.recordMeasurement(record.id, measured)
        databases.recordGeneration(record.id, generation)
        snapshots.record(record.id, snapshotBytes)
        if (!isBilled) storageBill.raise(record, samples)
        lowBalance.check(now())
      })
    } catch (cause) {
      // The state in memory can be ahead of storage now.
      abort('settlement_failed')
      throw cause
    }
  }

  /**
   * Reclaims unused credit from the other databases if too little is free, so that any database can spend the last
   * cent. A round in progress can have excluded the database that holds the credit, so a second round follows. Returns
   * whether all databases returned their credit.
   */
  async reclaim(except?: string): Promise<boolean> {
    let isComplete = true
    for (let round = 0; round < 2; round++) {
      const own = except === undefined ? 0 : outstanding(this.#options.databases.lease(except))
      if (this.freeNano() + own >= REQUEST_NANO) return true
      isComplete = await this.#recallAll(except)
    }
    return isComplete
  }

  /** Reclaims credit if a lower balance no longer covers the leases. */
  async coverOverdraft(): Promise<void> {
    if (this.freeNano() < 0) await this.#recallAll()
  }

  /**
   * Checks, after `reclaim`, that the free balance covers one more request.
   * @throws PerSQLError `insufficient_balance`, or `unavailable` if credit wasn't returned
   */
  assertFree(isComplete: boolean): void {
    const freeNano = this.freeNano()
    assertAffordable(this.#options.ledger().account, freeNano, isComplete)
    if (freeNano < REQUEST_NANO) throw new PerSQLError('insufficient_balance')
  }

  /** Returns the balance that isn't allocated to databases. */
  freeNano(): number {
    return balance(this.#options.ledger().account) - this.#options.databases.lentNano
  }

  /** Settles all usage, and reclaims credit if less than this amount is free. */
  async free(amountNano: number): Promise<void> {
    await this.collect()
    if (this.freeNano() < amountNano) await this.#recallAll()
  }

  /** Reclaims all credit. */
  async reclaimFrom(id?: string): Promise<void> {
    const holders = this.#options.databases.listLeaseHolders()
    const records = id === undefined ? holders : holders.filter((record) => record.id === id)
    await this.each(records, (record) => this.recall(record))
  }

  async recall(record: DatabaseRecord): Promise<void> {
    const { databases, stub } = this.#options
    const { version } = databases.lease(record.id)
    const { id, ...report } = await stub(record.slug).recall(version + 1)
    if (id === record.id) this.settle(record, report)
    const lease = databases.lease(record.id)
    if (lease.version === version) databases.putLease(record.id, recall(lease))
  }

  /** Resolves when every active database refuses these keys. */
  async revoke(keys: readonly string[]): Promise<void> {
    const { databases, stub, env, namespace } = this.#options
    await this.each(databases.listLeaseHolders(), async ({ slug }) => {
      // A database that continues a transaction of these keys would only learn it at the end.
      const ended = endContinued(env, `${namespace()}/${slug}`, keys).catch(() => {})
      await stub(slug).revoke(keys)
      await ended
    })
  }

  /** Settles the counters of all active databases, for responses that must be exact. */
  async collect(): Promise<void> {
    const { databases, stub } = this.#options
    await this.each(databases.listLeaseHolders(), async (record) => {
      const { id, ...report } = await stub(record.slug).report()
      if (id === record.id) this.settle(record, report)
    })
  }

  /**
   * Calls many databases, with limited concurrency. A database that fails or is slow doesn't delay the others. Returns
   * whether all databases answered, except for damaged ones.
   */
  async each<R extends DatabaseRecord>(records: readonly R[], ask: (record: R) => Promise<void>): Promise<boolean> {
    const rest = [...records]
    let isComplete = true
    const worker = async () => {
      for (let record = rest.pop(); record; record = rest.pop()) {
        const { slug, damage } = record
        const asked = ask(record).then(() => true)
        const hasAnswered = await Promise.race([asked, scheduler.wait(ANSWER_MS)]).catch((cause: unknown) => {
          console.error(
            JSON.stringify({ level: 'warn', event: 'database_unreachable', database: slug, cause: String(cause) }),
          )
        })
        if (!hasAnswered && damage === null) isComplete = false
      }
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) }, worker))
    return isComplete
  }

  #recallAll(except?: string): Promise<boolean> {
    const holders = this.#options.databases.listLeaseHolders().filter(({ id }) => id !== except)
    this.#recalling ??= this.each(holders, (record) => this.recall(record)).finally(() => {
      this.#recalling = undefined
    })
    return this.#recalling
  }
}
