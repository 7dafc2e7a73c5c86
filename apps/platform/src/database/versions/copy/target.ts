import type { Identity, IdentityStore } from '../../identity.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import type { Content } from './content.ts'
import type { CopyLoader } from './copy-loader.ts'
import { storeDamagedTexts } from './damaged-texts.ts'
import type { Source } from './source.ts'

/** The services that make this object a copy. */
export interface CopyTargetOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly lifecycle: Lifecycle
  readonly loader: CopyLoader
  readonly content: Content
}

/** Makes this object a copy of another one: a fork or a snapshot. */
export class CopyTarget {
  readonly #options: CopyTargetOptions

  constructor(options: CopyTargetOptions) {
    this.#options = options
  }

  /**
   * Copies tables and rows, all or nothing. With an identity, this object is that database from then on. Without one,
   * it is a snapshot. Returns the number of rows.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long` or `database_not_found`
   */
  async copyFrom(identity: Identity | undefined, from: Source): Promise<number> {
    const { storage, lifecycle, loader, content } = this.#options
    if (identity) await lifecycle.become(identity)
    const { rows, damaged } = await loader.load(from, {
      clear: () => (identity ? content.clear() : content.clearMerges()),
      takeMigrations: content.replaceMigrations(identity !== undefined),
      isTemporary: identity === undefined,
    })
    if (!this.#options.identity.current && damaged.length > 0) storeDamagedTexts(storage.kv, damaged)
    return rows
  }
}
