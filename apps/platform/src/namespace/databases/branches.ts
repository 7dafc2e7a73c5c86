import { RpcTarget } from 'cloudflare:workers'
import {
  type Api,
  type BranchRole,
  type Database,
  type Listed,
  type Output,
  type Paging,
  PerSQLError,
} from '@persql/contract'
import type { Selection } from '../../selection.ts'
import type { Minter } from '../tokens/credentials.ts'
import type { Secret } from '../tokens/tokens.ts'
import type { BranchFiller } from './branch-filler.ts'
import type { BranchRecords, OpenedDatabases } from './branch-records.ts'
import type { BranchTokens, RedeemedHandoff } from './branch-tokens.ts'
import type { DetailChanges } from './database-details.ts'
import type { DatabaseService } from './database-service.ts'
import type { Expiry } from './expiry.ts'

/** The services that branches depend on. */
export interface BranchesOptions {
  readonly records: BranchRecords
  readonly filler: BranchFiller
  readonly branchTokens: BranchTokens
  readonly expiry: Expiry
  readonly databaseService: Pick<DatabaseService, 'update' | 'delete' | 'discard'>
}

/** Changes of a branch. A missing field stays as it is. */
export type BranchChanges = Pick<DetailChanges, 'name' | 'expiresAtMs'>

/** How a branch is created or reset. */
export interface BranchSetup {
  /** Whether the tokens of a branch that is reset stay valid. */
  readonly keepTokens: boolean
}

/** Branches, databases with their parent's schema and their own rows, and forks, which also start with its rows. */
export class Branches extends RpcTarget {
  readonly #options: BranchesOptions
  /**
   * Work in progress by ref. Later calls wait, so that no caller gets a token for a branch that another call resets.
   */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: BranchesOptions) {
    super()
    this.#options = options
  }

  /** @throws PerSQLError `database_not_found`, or `invalid_input` for an invalid cursor */
  list(parent: string, paging: Paging = {}): Listed<Database> {
    return this.#options.records.list(parent, paging)
  }

  /** @throws PerSQLError `database_not_found` or `branch_not_found` */
  get(parent: string, ref: string): Database {
    return this.#options.records.get(parent, ref)
  }

  /** @throws PerSQLError `database_not_found`, `branch_of_branch`, `slug_taken`, `exceeds_parent` or `token_unknown` */
  claim(
    parent: string,
    ref: string,
    role: BranchRole,
    ttlS: number | undefined,
    setup: BranchSetup,
    secret: Secret,
    minter: Minter,
    actor: string,
  ): Promise<Output<Api['claim_branch']>> {
    const { branchTokens } = this.#options
    return this.#oneByOne(parent, ref, async () => {
      const wanted = branchTokens.wanted(role, ttlS, minter)
      const { started, carried } = await this.#upsert(parent, ref, undefined, wanted.expiresAtMs, setup, actor)
      const { record, isNew } = started
      const token = branchTokens.add(record, ref, wanted, secret, minter)
      const claimed = { ...token, outcome: isNew ? ('created' as const) : ('reset' as const) }
      return carried.length > 0 ? { ...claimed, rows: { carried: [...carried] } } : claimed
    })
  }

  /** @throws PerSQLError `database_not_found`, `branch_of_branch` or `slug_taken` */
  put(
    parent: string,
    ref: string,
    name: string | undefined,
    expiresAtMs: number | null,
    setup: BranchSetup,
    actor: string,
  ): Promise<Database> {
    return this.#oneByOne(parent, ref, async () => {
      const { started } = await this.#upsert(parent, ref, name, expiresAtMs, setup, actor)
      return this.#options.records.listed(started)
    })
  }

  /** Changes the fields that are set. @throws PerSQLError `database_not_found`, `branch_not_found` or `invalid_input` */
  update(parent: string, ref: string, changes: BranchChanges, actor: string): Promise<Database> {
    return this.#oneByOne(parent, ref, async () => {
      const { slug } = this.get(parent, ref)
      return this.#options.databaseService.update(slug, changes, actor)
    })
  }

  /** @throws PerSQLError `database_not_found` or `branch_not_found` */
  delete(parent: string, ref: string, actor: string): Promise<void> {
    return this.#oneByOne(parent, ref, async () => {
      const { slug } = this.get(parent, ref)
      await this.#options.databaseService.delete(slug, actor, 'database.branch_deleted')
    })
  }

  /** @throws PerSQLError `database_not_found`, `branch_not_found`, `exceeds_parent` or `token_unknown` */
  handOff(
    parent: string,
    ref: string,
    role: BranchRole,
    ttlS: number | undefined,
    hash: string,
    minter: Minter,
    actor: string,
  ): { expiresAt: string } {
    return this.#options.branchTokens.handOff(this.get(parent, ref), role, ttlS, hash, minter, actor)
  }

  /** Returns the branch that a token is limited to, and the slugs of its databases. */
  opened(selection: Selection | null): OpenedDatabases {
    return this.#options.records.opened(selection)
  }

  /** @throws PerSQLError `handoff_not_found` or `origin_not_allowed` */
  redeem(hash: string, secret: Secret, origin: string | undefined): RedeemedHandoff {
    return this.#options.branchTokens.redeem(hash, secret, origin)
  }

  /**
   * Creates a database with all rows of another one, as of one point in time. A fork that a crash interrupts is
   * deleted. @throws PerSQLError `database_not_found`, `slug_taken`, `copy_impossible` or `copy_cut_off`
   */
  async fork(
    parent: string,
    slug: string,
    name: string | undefined,
    expiresAtMs: number | null,
    actor: string,
  ): Promise<Database> {
    const { records, filler, expiry } = this.#options
    const started = records.startFork(parent, slug, name, expiresAtMs, actor)
    expiry.checkLater(started.origin.forkedAtMs)
    return expiry.filling(started.record, true, async () => {
      const measured = await filler.fillFork(started)
      records.finishFork(started, measured, actor)
      expiry.set(expiresAtMs)
      return records.listed(started)
    })
  }

  /**
   * Creates or resets the branch. A reset revokes the branch's tokens, unless they are kept, before it loads the
   * parent's schema.
   */
  async #upsert(
    parent: string,
    ref: string,
    name: string | undefined,
    expiresAtMs: number | null,
    setup: BranchSetup,
    actor: string,
  ) {
    const { records, filler, expiry, databaseService } = this.#options
    const started = records.startBranch(parent, ref, name, expiresAtMs, setup.keepTokens, actor)
    const carried = await expiry.filling(started.record, started.isNew, () => filler.fillBranch(started))
    if (!records.hasParent(started)) {
      await databaseService.discard(started.record.slug, 'database.branch_deleted')
      throw new PerSQLError('database_not_found', { database: parent })
    }
    records.finishBranch(started, actor)
    expiry.set(expiresAtMs)
    return { started, carried }
  }

  async #oneByOne<T>(parent: string, ref: string, work: () => Promise<T>): Promise<T> {
    const key = `${parent}/${ref}`
    const before = this.#underWay.get(key)
    const mine = (async () => {
      await before?.catch(() => {
        // The previous call has reported its error to its own caller.
      })
      return work()
    })()
    this.#underWay.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#underWay.get(key) === mine) this.#underWay.delete(key)
    }
  }
}
