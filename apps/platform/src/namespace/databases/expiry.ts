import type { BranchRegistry } from './branch-registry.ts'
import type { DatabaseDetails } from './database-details.ts'
import type { DatabaseRecord } from './database-rows.ts'
import type { DatabaseService } from './database-service.ts'
import type { Databases } from './databases.ts'

/** The services that the expiry of databases uses. */
export interface ExpiryOptions {
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly details: DatabaseDetails
  readonly databaseService: Pick<DatabaseService, 'discard'>
  /** Schedules a call of `sweep`. */
  readonly sweepAt: (atMs: number) => void
}

/** The time after which a fork is checked for an interrupted copy. */
const SWEEP_UNREADY_MS = 30_000
/** The time between two sweeps while a database is being filled. */
const RESET_WAIT_MS = 1_000
/** The most databases that one sweep deletes, so that the others of an alarm run soon. */
const MAX_EXPIRED = 100

/** Deletes databases that expired, and branches and forks that an interruption left without their content. */
export class Expiry {
  readonly #options: ExpiryOptions
  /** IDs of branches and forks that are being filled. */
  readonly #filling = new Set<string>()

  constructor(options: ExpiryOptions) {
    this.#options = options
  }

  /** Schedules the check for an interruption of a copy that starts now. */
  checkLater(nowMs: number): void {
    this.#options.sweepAt(nowMs + SWEEP_UNREADY_MS)
  }

  /** Schedules the deletion of a database, unless it never expires. */
  set(expiresAtMs: number | null): void {
    if (expiresAtMs !== null) this.#options.sweepAt(expiresAtMs)
  }

  /** Runs work that fills a database, and deletes the database if that fails and it is new. */
  async filling<T>({ id, slug }: DatabaseRecord, isNew: boolean, work: () => Promise<T>): Promise<T> {
    this.#filling.add(id)
    try {
      return await work()
    } catch (cause) {
      if (isNew) await this.#options.databaseService.discard(slug, 'database.fork_failed')
      throw cause
    } finally {
      this.#filling.delete(id)
    }
  }

  /** Deletes expired databases and those that were never filled. Returns the time of the next expiry. */
  async sweep(nowMs: number): Promise<number | undefined> {
    const { databases, lineage, details, databaseService } = this.#options
    for (const { databaseId } of lineage.unready()) {
      const database = databases.listed(databaseId)
      if (this.#filling.has(databaseId)) this.checkLater(nowMs)
      else if (database) await databaseService.discard(database.slug, 'database.fork_failed')
    }
    for (const { id, slug } of details.listExpired(nowMs, MAX_EXPIRED)) {
      // Its expiry can have changed during the deletions before it, and a reset is about to change it.
      if (!this.#filling.has(id) && details.hasExpired(id, nowMs))
        await databaseService.discard(slug, 'database.expired')
    }
    const nextMs = details.nextExpiryMs
    // One that is being reset must not start sweep after sweep.
    return nextMs !== undefined && this.#filling.size > 0 ? Math.max(nextMs, nowMs + RESET_WAIT_MS) : nextMs
  }
}
