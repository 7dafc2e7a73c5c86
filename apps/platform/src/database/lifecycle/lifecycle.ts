import { migrate } from '../../storage/migrate.ts'
import type { Memory } from '../calls/exclusive-access.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { Identity, IdentityStore } from '../identity.ts'
import { DATABASE_SCHEMA } from '../metering/query-log.ts'
import type { Deletion } from './deletion.ts'

/** The services that the lifecycle uses. */
export interface LifecycleOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly ownPages: SystemStorage
  /** Caches that can be filled before this object is a database. */
  readonly caches: readonly Memory[]
  readonly deletion: Deletion
  /** Saves the first generation of the file, with which its namespace notices its loss. */
  readonly begin: () => void
}

/** Makes an object a database, or deletes the database in it. */
export class Lifecycle {
  readonly #options: LifecycleOptions

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Makes this object the database `identity`. */
  adopt(identity: Identity): void {
    const { storage, ownPages, caches, identity: own, begin } = this.#options
    migrate(storage, DATABASE_SCHEMA)
    own.save(identity)
    begin()
    ownPages.adoptAll()
    for (const cache of caches) cache.forget()
    own.current = identity
  }

  /** Makes this object the database `identity`, after deleting another database in it. */
  async become(identity: Identity): Promise<void> {
    const { identity: own } = this.#options
    if (own.current && own.current.id !== identity.id) await this.wipe(own.current.id)
    if (!own.current) this.adopt(identity)
  }

  /** Deletes the database `id` and all its data. */
  wipe(id: string): Promise<void> {
    return this.#options.deletion.wipe(id)
  }
}
