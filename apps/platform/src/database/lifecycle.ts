import { PerSQLError } from '@persql/contract'
import { migrate } from '../storage/migrate.ts'
import type { Engine } from './engine/engine.ts'
import type { ExclusiveLock } from './engine/exclusive-lock.ts'
import type { SystemStorage } from './engine/system-storage.ts'
import type { ChangeFeed } from './events/change-feed/feed.ts'
import type { LongPollers } from './events/change-feed/long-poll.ts'
import type { ChangeSockets } from './events/change-feed/sockets.ts'
import type { Identity, IdentityStore } from './identity.ts'
import type { LeaseClient } from './metering/lease.ts'
import { QUERY_LOG, type QueryLog } from './metering/query-log.ts'
import type { SizeTracker } from './metering/size/size.ts'
import type { Approvals } from './review/approvals/approvals.ts'
import type { Content } from './versions/copy/content.ts'
import type { Snapshots } from './versions/snapshots/snapshots.ts'

/** The services that creation and deletion use, read at use because some are created later. */
interface LifecycleServices {
  readonly identity: IdentityStore
  readonly ownPages: SystemStorage
  readonly log: QueryLog
  readonly size: SizeTracker
  readonly lease: LeaseClient
  readonly exclusion: ExclusiveLock
  readonly approvals: Approvals
  readonly feed: ChangeFeed
  readonly waiting: LongPollers
  readonly sockets: ChangeSockets
  readonly engine: Engine
  readonly history: Snapshots
  readonly content: Content
}

/** Creates and deletes the database in its object. */
export class Lifecycle {
  readonly #ctx: DurableObjectState
  readonly #services: LifecycleServices

  constructor(ctx: DurableObjectState, services: LifecycleServices) {
    this.#ctx = ctx
    this.#services = services
  }

  /** Makes this object the database `identity`. */
  adopt(identity: Identity): void {
    const services = this.#services
    migrate(this.#ctx.storage, [QUERY_LOG])
    services.identity.save(identity)
    services.ownPages.adoptAll()
    services.approvals.rules.forget()
    services.engine.forget()
    services.identity.current = identity
  }

  /** Deletes the database `id` and all its data. The caller has read its counters and blocks new requests. */
  async wipe(id: string): Promise<void> {
    const { identity, exclusion, history, waiting, sockets } = this.#services
    await exclusion.held
    if (identity.current && identity.current.id !== id) return
    try {
      if (identity.current) await history.drop()
      waiting.end()
      sockets.end()
      this.#forget()
      await this.#ctx.storage.deleteAlarm()
      await this.#ctx.storage.deleteAll()
    } catch (cause) {
      // The file is damaged. After the operator removes it, no memory of this object can remain.
      if (PerSQLError.from(cause).code === 'internal') this.#ctx.abort('damaged')
      throw cause
    }
  }

  #forget(): void {
    const { identity, log, size, lease, feed, content } = this.#services
    lease.forget()
    log.forget()
    size.forget()
    identity.current = undefined
    content.forget()
    feed.forget()
  }
}
