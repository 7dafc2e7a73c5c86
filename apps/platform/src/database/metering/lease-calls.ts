import type { Totals } from '../../money.ts'
import type { Allowance, Report } from './meter.ts'
import type { QuotaGrant } from './quotas.ts'

/** The response to a lease request: how much the database can spend and store, and the keys that it must refuse. */
export interface LeaseAnswer extends Allowance {
  readonly databaseId: string
  readonly revoked: readonly string[]
  readonly quotas: QuotaGrant
}

/** The calls of a lease client to its namespace, which allocates credit. */
export interface LeaseCalls {
  lease(slug: string, id: string | undefined, report: Report): Promise<LeaseAnswer>
  /** `wakeAtMs` is the time of the next timer of the database, which has no other reason to be woken. */
  release(slug: string, id: string, version: number, report: Report, wakeAtMs: number | undefined): Promise<void>
  /**
   * Settles counters that the file of the database doesn't have yet. Returns those on record: of a database whose process ended, the
   * file can have fewer. Returns `undefined` if the namespace has no such database.
   */
  settle(id: string, report: Report): Promise<Totals | undefined>
}
