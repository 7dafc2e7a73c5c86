import type { Env } from '../../../env.ts'
import type { LongTransaction } from '../../../storage/long-transaction.ts'
import type { ExclusiveAccess } from '../../calls/exclusive-access.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import { copyError } from './failure.ts'
import { type Loaded, type Loading, loadFrom } from './load-copy.ts'
import type { Source } from './source.ts'

/** The services that load a copy. */
export interface CopyLoaderOptions {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly exclusive: ExclusiveAccess
}

/** The receiving side of a `CopySource`: replaces the tables and rows of this object by those of another one. */
export class CopyLoader {
  readonly #options: CopyLoaderOptions

  constructor(options: CopyLoaderOptions) {
    this.#options = options
  }

  /**
   * Copies tables and rows, all or nothing.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long`, `storage_full` or `database_not_found`
   */
  async load(
    from: Source,
    steps: Pick<Loading, 'clear' | 'end' | 'takeMigrations' | 'isTemporary' | 'expectedRows'>,
  ): Promise<Loaded> {
    const { env, storage, inTransaction, exclusive } = this.#options
    const { source } = databaseObject(env, from.namespace, from.name)
    const wanted = { rows: 'all', migrations: 'all' } as const
    try {
      return await exclusive.replace(() =>
        loadFrom(storage, inTransaction, { source, sourceId: from.id, wanted, ...steps }),
      )
    } catch (cause) {
      throw copyError(cause)
    }
  }
}
