import { PerSQLError } from '@persql/contract'
import type { Env } from '../../../env.ts'
import { dropSchema } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { Access } from '../../calls/access.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { Identity, IdentityStore } from '../../identity.ts'
import type { Lifecycle } from '../../lifecycle.ts'
import type { Content } from '../copy/content.ts'
import { copyError } from '../copy/failure.ts'
import { loadSmallCopy, readSmallCopy } from '../copy/load-copy.ts'
import type { Source } from '../copy/source.ts'
import { type Ids, readHighestIds } from '../ids/highest.ts'
import { IdRanges } from '../ids/ranges.ts'
import type { Seeds } from '../ids/seeds.ts'
import { type BookkeepingRows, freeLocks, readVersions } from '../migrations/bookkeeping.ts'
import type { Ledger } from '../migrations/ledger.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { beginFork, type ForkState, forkStateOf } from './fork-state.ts'

/** The services that branches use. */
interface BranchingServices {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly identity: IdentityStore
  readonly lifecycle: Lifecycle
  readonly exclusion: ExclusiveLock
  readonly access: Access
  readonly content: Content
  readonly history: Snapshots
  readonly ledger: Ledger
  readonly seeds: Seeds
  readonly schemaChanges: SchemaChangeLog
}

/** The calls between a database, its namespace and its branches, in both directions. */
export class Branching {
  readonly #services: BranchingServices
  readonly #run: RunSql

  constructor(services: BranchingServices) {
    const { sql } = services.storage
    this.#services = services
    this.#run = createRunSql(sql)
  }

  /** Reserves IDs for a branch, above those assigned here. @throws PerSQLError `database_not_found` */
  async reserveIds(id: string, branchId: string, live: readonly string[]): Promise<Ids> {
    const { identity, exclusion, storage, ownPages } = this.#services
    // While a task holds the lock, the data read here can still be rolled back.
    for (let held = exclusion.held; held; held = exclusion.held) await held
    if (!identity.current) return {}
    if (identity.current.id !== id) throw new PerSQLError('database_not_found', {})
    const ranges = new IdRanges(storage.kv)
    return ownPages.around(() => ranges.reserve(branchId, live, readHighestIds(this.#run)))
  }

  /** Raises the next IDs of this branch, for the parent that merges it. @throws PerSQLError `database_not_found` */
  seedIds(id: string, floors: Ids): void {
    const { identity, storage, seeds } = this.#services
    if (identity.current?.id !== id) throw new PerSQLError('database_not_found', {})
    storage.transactionSync(() => seeds.plant(floors))
  }

  /**
   * Returns the state of this branch, for the parent that merges it.
   * @throws PerSQLError `database_not_found` or `copy_cut_off`
   */
  forkState(id: string): ForkState {
    const { access, identity, storage, schemaChanges } = this.#services
    access.assertSource(id)
    if (!identity.current) throw new PerSQLError('copy_cut_off')
    return forkStateOf(storage.kv, this.#run, schemaChanges)
  }

  /**
   * Makes this object the branch `identity`, unless it already is one, with the schema of its parent and the rows of
   * migration tools, but no other rows: all or nothing. Returns the tables that were copied with their rows.
   * @throws PerSQLError `copy_cut_off`, `took_too_long` or `database_not_found`
   */
  async loadSchema(identity: Identity, from: Source, floors: Ids): Promise<readonly BookkeepingRows[]> {
    const { env, storage, lifecycle, access, history, identity: own } = this.#services
    if (own.current && own.current.id !== identity.id) await lifecycle.wipe(own.current.id)
    if (!own.current) lifecycle.adopt(identity)
    // The next user of the branch must not restore the rows of the previous one.
    await history.drop()
    const { source } = databaseObject(env, from.namespace, from.name)
    const copy = await readSmallCopy(source, from.id).catch((cause: unknown) => {
      throw copyError(cause)
    })
    await access.replace(() => storage.transactionSync(() => this.#begin(copy, floors)))
    return copy.bookkeeping
  }

  #begin(copy: Awaited<ReturnType<typeof readSmallCopy>>, floors: Ids): void {
    const { storage, ownPages, content, ledger, seeds } = this.#services
    const { schema, bookkeeping } = copy
    content.clear()
    dropSchema(this.#run)
    loadSmallCopy(storage.sql, copy, ledger.replace(true))
    freeLocks(this.#run, bookkeeping)
    const versions = readVersions(this.#run, bookkeeping)
    ownPages.around(() => beginFork(storage.kv, schema, versions))
    seeds.plant(floors)
  }
}
