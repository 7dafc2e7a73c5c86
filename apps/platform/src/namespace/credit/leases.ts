import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { LeaseAnswer } from '../../database/metering/lease-calls.ts'
import type { Report } from '../../database/metering/meter.ts'
import type { Totals } from '../../money.ts'
import type { FileDamage } from '../databases/damage.ts'
import type { DatabaseDetails } from '../databases/database-details.ts'
import type { DatabaseRecord } from '../databases/database-rows.ts'
import type { Databases } from '../databases/databases.ts'
import type { IdentityStore } from '../identity.ts'
import type { DayClose } from '../ledger/day-close.ts'
import type { QuotaLimitStore } from '../quotas/limits.ts'
import type { SnapshotBytes } from '../quotas/snapshot-bytes.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { CreditAllocator } from './credit-allocator.ts'
import type { RestoreReconciliation } from './restore-reconciliation.ts'

/** The services that leases depend on. */
export interface LeasesOptions {
  readonly identity: IdentityStore
  readonly databases: Databases
  readonly details: Pick<DatabaseDetails, 'getMaxBytes'>
  readonly lending: CreditAllocator
  readonly dayClose: DayClose
  readonly tokens: Tokens
  readonly files: FileDamage
  readonly limits: QuotaLimitStore
  readonly snapshots: SnapshotBytes
  readonly restored: Pick<RestoreReconciliation, 'reconcile'>
  /** Called with the slug of a database that returned its lease, and the time of its next timer. */
  readonly released: (slug: string, wakeAtMs: number | undefined) => void
}

/** Gives leases to active databases: credit, and the keys that they must refuse. */
export class Leases {
  readonly #options: LeasesOptions

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  /**
   * Settles the counters of a database and allocates new credit. Counters with another `id`, or without one, come from
   * a different database and are ignored. @throws PerSQLError `database_not_found`, `namespace_suspended` or `database_damaged`
   */
  async lease(slug: string, id: string | undefined, report: Report): Promise<LeaseAnswer> {
    const { databases, details, lending, dayClose, tokens, files, limits, snapshots, restored } = this.#options
    const known = this.#healthy(slug)
    const asked = restored.reconcile(known, id, report) ? this.#healthy(slug) : known
    dayClose.runIfLate()
    files.assertFits(asked, id, report.generation ?? 0)
    if (id === asked.id) lending.settle(asked, report)
    const lent = await lending.allocate(asked, () => this.#healthy(slug))
    const quotas = {
      limits: limits.current,
      namespaceBytes: databases.storedBytes + snapshots.total,
      ownBytes: databases.getStoredBytes(lent.databaseId),
      maxBytes: details.getMaxBytes(lent.databaseId),
    }
    return { ...lent, revoked: tokens.recentlyEnded(now()), quotas }
  }

  /** Settles counters that the file of a database doesn't have yet. Returns the counters on record, if it is known. */
  settle(id: string, report: Report): Totals | undefined {
    const { identity, databases, lending, restored } = this.#options
    const record = identity.known && databases.ofAnyStatus(id)
    if (!record) return undefined
    restored.reconcile(record, id, report)
    lending.settle(record, report)
    return databases.lease(id).seen
  }

  /** Reclaims the credit that a database returns, unless it has a newer lease. `wakeAtMs` is the time of its next timer. */
  release(slug: string, id: string, version: number, report: Report, wakeAtMs?: number): void {
    const { identity, databases, lending, released } = this.#options
    const record = identity.known && databases.find(slug)
    if (record?.id !== id) return
    if (lending.release(record, version, report)) released(slug, wakeAtMs)
  }

  #healthy(slug: string): DatabaseRecord {
    const { databases } = this.#options
    const identity = this.#options.identity.known
    // Before a namespace is created, it has no tables to query.
    if (!identity) throw new PerSQLError('database_not_found', { database: slug })
    const record = databases.existing(slug)
    if (identity.suspended) throw new PerSQLError('namespace_suspended')
    return record
  }
}
