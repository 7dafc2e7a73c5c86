import { PerSQLError } from '@persql/contract'
import type { Alarm } from '../../storage/alarm.ts'
import type { Memory } from '../calls/exclusive-access.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { IdentityStore } from '../identity.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import type { Snapshots } from '../versions/snapshots/snapshots.ts'

/** The services that the deletion of a database uses. */
export interface DeletionOptions {
  readonly ctx: DurableObjectState
  readonly alarm: Alarm
  readonly identity: IdentityStore
  readonly exclusion: ExclusiveLock
  readonly history: Snapshots
  readonly reads: DatabaseReads
  /** Subscribers that wait for changes. */
  readonly subscribers: readonly { end(): void }[]
  /** Everything in memory, in the order in which it is cleared, while the identity is still known. */
  readonly memories: readonly Memory[]
}

/** Deletes the database in its object. */
export class Deletion {
  readonly #options: DeletionOptions

  constructor(options: DeletionOptions) {
    this.#options = options
  }

  /** Deletes the database `id` and all its data. The caller has read its counters and blocks new requests. */
  async wipe(id: string): Promise<void> {
    const { ctx, alarm, identity, exclusion, history, reads, subscribers, memories } = this.#options
    await exclusion.held
    if (identity.current && identity.current.id !== id) return
    try {
      if (identity.current) await history.drop()
      for (const subscriber of subscribers) subscriber.end()
      for (const memory of memories) memory.forget()
      identity.current = undefined
      // Deleting a file that another process has open damages it.
      await reads.endAll()
      await alarm.clear()
      await ctx.storage.deleteAll()
    } catch (cause) {
      // The file is damaged. After the operator removes it, no memory of this object can remain.
      if (PerSQLError.from(cause).code === 'internal') ctx.abort('damaged')
      throw cause
    }
  }
}
