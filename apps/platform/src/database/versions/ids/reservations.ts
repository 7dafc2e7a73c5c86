import { PerSQLError } from '@persql/contract'
import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { IdentityStore } from '../../identity.ts'
import { type Ids, readHighestIds } from './highest.ts'
import { IdRanges } from './ranges.ts'

/** The services that reservations of IDs use. */
export interface IdReservationsOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly identity: IdentityStore
  readonly exclusion: ExclusiveLock
}

/** Reserves the IDs of new branches in their parent. */
export class IdReservations {
  readonly #options: IdReservationsOptions

  constructor(options: IdReservationsOptions) {
    this.#options = options
  }

  /**
   * Reserves IDs for a branch, above those assigned here.
   * @param live the IDs of the existing branches
   * @throws PerSQLError `database_not_found`
   */
  async reserve(id: string, branchId: string, live: readonly string[]): Promise<Ids> {
    const { identity, exclusion, storage, ownPages } = this.#options
    // While a task holds the lock, the data read here can still be rolled back.
    while (exclusion.held) await exclusion.held
    const { current } = identity
    if (!current) return {}
    if (current.id !== id) throw new PerSQLError('database_not_found', { database: current.slug })
    const ranges = new IdRanges(storage.kv)
    return ownPages.around(() => ranges.reserve(branchId, live, readHighestIds(createRunSql(storage.sql))))
  }
}
