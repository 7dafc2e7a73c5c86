import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { ChangeFeed } from '../events/change-feed/feed.ts'
import type { IdentityStore } from '../identity.ts'
import type { LeaseClient } from '../metering/lease.ts'
import type { CopySource } from '../versions/copy/source.ts'
import type { Grant } from './call.ts'

/** The services that access depends on. They are read when they are used, as some are made later. */
interface AccessServices {
  readonly identity: IdentityStore
  readonly lease: LeaseClient
  readonly exclusion: ExclusiveLock
  readonly feed: ChangeFeed
  readonly source: CopySource
}

/** Access to a database: who can use it now, and what has it alone. */
export class Access {
  readonly #services: AccessServices

  constructor(services: AccessServices) {
    this.#services = services
  }

  /** Whether this is a database, and one more request is paid for. */
  get canServe(): boolean {
    const { identity, lease } = this.#services
    return identity.current !== undefined && lease.canServe()
  }

  /** Resolves when nothing is copied any more, from here or to here; `undefined` while nothing is. */
  get busy(): Promise<void> | undefined {
    const { exclusion, source } = this.#services
    return exclusion.held ?? source.frozen
  }

  /** Returns whether a caller is still admitted. */
  admits(grant: Grant): boolean {
    return this.#services.lease.isTokenValid(grant, now())
  }

  /** @throws PerSQLError unless this caller can use the database now */
  async assertReady(address: string, grant: Grant): Promise<void> {
    const { identity, lease, exclusion } = this.#services
    const [namespace, slug] = address.split('/') as [string, string]
    await exclusion.held
    if (!identity.current || !lease.canServe()) await lease.acquire(namespace, slug)
    if (!this.admits(grant)) throw new PerSQLError('token_unknown')
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  /** Requests credit for the public. @throws PerSQLError */
  async requestCredit(): Promise<void> {
    const { identity, lease } = this.#services
    const { current } = identity
    if (!current) throw new PerSQLError('unavailable')
    await lease.credit(current.namespace, current.slug)
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  /** Runs work that can replace all tables, in whatever order foreign keys connect them. Other calls wait. */
  replace<T>(work: () => T | Promise<T>, changes = true): Promise<T> {
    const { exclusion, feed } = this.#services
    return exclusion.run(changes, work, () => {
      if (changes) feed.replacing()
    })
  }

  /** Runs work like `replace`, once nothing is copied any more. */
  async runAlone<T>(work: () => Promise<T>, changes = true): Promise<T> {
    for (let busy = this.busy; busy; busy = this.busy) await busy
    return this.replace(work, changes)
  }

  /** @throws PerSQLError unless a copy of the database with this ID can be made now */
  assertSource(id: string | undefined): void {
    const { identity, exclusion } = this.#services
    if (exclusion.held) throw new PerSQLError('copy_cut_off')
    // One that nothing was ever asked of is empty, and does not know its id yet.
    if (identity.current && identity.current.id !== id) {
      throw new PerSQLError('database_not_found', { database: identity.current.slug })
    }
  }
}
