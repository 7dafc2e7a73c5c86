import type { Env } from '../../../env.ts'
import type { ExclusiveAccess } from '../../calls/exclusive-access.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import type { Identity } from '../../identity.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import type { Content } from '../copy/content.ts'
import { copyError } from '../copy/failure.ts'
import { readSmallCopy } from '../copy/load-copy.ts'
import type { Source } from '../copy/source.ts'
import type { Ids } from '../ids/highest.ts'
import type { BookkeepingRows } from '../migrations/bookkeeping.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'

/** The services that make this object a branch. */
export interface BranchLoaderOptions {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly lifecycle: Lifecycle
  readonly history: Snapshots
  readonly exclusive: ExclusiveAccess
  readonly content: Content
}

/** Makes this object a branch of another database, or resets it. */
export class BranchLoader {
  readonly #options: BranchLoaderOptions

  constructor(options: BranchLoaderOptions) {
    this.#options = options
  }

  /**
   * Makes this object the branch `identity`, unless it already is one, with the schema of its parent and the rows of
   * migration tools, but no other rows: all or nothing. Returns the tables that were copied with their rows.
   * @throws PerSQLError `copy_cut_off`, `took_too_long` or `database_not_found`
   */
  async loadSchema(identity: Identity, from: Source, floors: Ids): Promise<readonly BookkeepingRows[]> {
    const { env, storage, lifecycle, history, exclusive, content } = this.#options
    await lifecycle.become(identity)
    // The next user of the branch must not restore the rows of the previous one.
    await history.drop()
    const { source } = databaseObject(env, from.namespace, from.name)
    const copy = await readSmallCopy(source, from.id).catch((cause: unknown) => {
      throw copyError(cause)
    })
    await exclusive.replace(() => storage.transactionSync(() => content.startBranch(copy, floors)))
    return copy.bookkeeping
  }
}
