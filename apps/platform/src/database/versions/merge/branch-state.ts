import { PerSQLError } from '@persql/contract'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { ExclusiveLock } from '../../engine/exclusive-lock.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { IdentityStore } from '../../identity.ts'
import { assertSource } from '../copy/source.ts'
import type { Ids } from '../ids/highest.ts'
import type { Seeds } from '../ids/seeds.ts'
import type { AppliedMigration, Ledger } from '../migrations/ledger.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import { type ForkState, readForkState } from './fork-state.ts'

/** The services that the state of a branch depends on. */
export interface BranchStateOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly exclusion: ExclusiveLock
  readonly seeds: Seeds
  readonly schemaChanges: SchemaChangeLog
  readonly ledger: Pick<Ledger, 'applied'>
}

/** The state of a branch that a comparison with its parent reads. */
export interface DiffState extends ForkState {
  readonly applied: readonly AppliedMigration[]
}

/** The side of a branch that the parent reads and changes during a merge. */
export class BranchState {
  readonly #options: BranchStateOptions
  readonly #run: RunSql

  constructor(options: BranchStateOptions) {
    this.#options = options
    this.#run = createRunSql(options.storage.sql)
  }

  /** Returns the state of this branch. @throws PerSQLError `database_not_found` or `copy_cut_off` */
  forkState(id: string): ForkState {
    const { identity, storage, schemaChanges } = this.#options
    assertSource(this.#options, id)
    if (!identity.current) throw new PerSQLError('copy_cut_off')
    return readForkState(storage.kv, this.#run, schemaChanges)
  }

  /**
   * Returns the state of this branch with its applied migrations.
   * @throws PerSQLError `database_not_found` or `copy_cut_off`
   */
  diffState(id: string): DiffState {
    return { ...this.forkState(id), applied: this.#options.ledger.applied() }
  }

  /** Raises the next IDs of this branch above `floors`. @throws PerSQLError `database_not_found` or `copy_cut_off` */
  seedIds(id: string, floors: Ids): void {
    const { identity, storage, seeds } = this.#options
    const { current } = identity
    if (!current) throw new PerSQLError('copy_cut_off')
    if (current.id !== id) throw new PerSQLError('database_not_found', { database: current.slug })
    storage.transactionSync(() => seeds.plant(floors))
  }
}
