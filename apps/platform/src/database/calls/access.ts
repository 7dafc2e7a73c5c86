import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { ChangeFeed } from '../events/change-feed/feed.ts'
import type { IdentityStore } from '../identity.ts'
import type { LeaseClient } from '../metering/lease.ts'
import type { CopySource } from '../versions/copy/source.ts'
import type { Grant } from './call.ts'

/** The services that access checks use, read at use because some are created later. */
interface AccessServices {
  readonly identity: IdentityStore
  readonly lease: LeaseClient
  readonly exclusion: ExclusiveLock
  readonly feed: ChangeFeed
  readonly source: CopySource
}

/** Access to a database: checks callers and runs tasks with exclusive access. */
export class Access {
  readonly #services: AccessServices

  constructor(services: AccessServices) {
    this.#services = services
  }

  /** Whether this object is a database and its lease covers one more request. */
  get canServe(): boolean {
    const { identity, lease } = this.#services
    return identity.current !== undefined && lease.canServe()
  }

  /** A promise that resolves when no copy from or to this object is running; `undefined` without one. */
  get busy(): Promise<void> | undefined {
    const { exclusion, source } = this.#services
    return exclusion.held ?? source.frozen
  }

  /** Returns whether the caller still has access. */
  admits(grant: Grant): boolean {
    return this.#services.lease.isTokenValid(grant, now())
  }

  /** Waits until this caller can use the database. @throws PerSQLError */
  async assertReady(address: string, grant: Grant): Promise<void> {
    const { identity, lease, exclusion } = this.#services
    const [namespace, slug] = address.split('/') as [string, string]
    await exclusion.held
    if (!identity.current || !lease.canServe()) await lease.acquire(namespace, slug)
    if (!this.admits(grant)) throw new PerSQLError('token_unknown')
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  /** Requests credit for a public endpoint. @throws PerSQLError */
  async requestCredit(): Promise<void> {
    const { identity, lease } = this.#services
    const { current } = identity
    if (!current) throw new PerSQLError('unavailable')
    await lease.credit(current.namespace, current.slug)
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  /** Runs work that can replace all tables, in any order of their foreign keys. Other calls wait. */
  replace<T>(work: () => T | Promise<T>, changes = true): Promise<T> {
    const { exclusion, feed } = this.#services
    return exclusion.run(changes, work, () => {
      if (changes) feed.replacing()
    })
  }

  /** Runs work like `replace`, after running copies have ended. */
  async runAlone<T>(work: () => Promise<T>, changes = true): Promise<T> {
    for (let busy = this.busy; busy; busy = this.busy) await busy
    return this.replace(work, changes)
  }

  /**
   * Checks that the database with this ID can be copied now.
   * @throws PerSQLError `copy_cut_off` or `database_not_found`
   */
  assertSource(id: string | undefined): void {
    const { identity, exclusion } = this.#services
    if (exclusion.held) throw new PerSQLError('copy_cut_off')
    // A database without any call so far is empty and doesn't know its ID yet.
    if (identity.current && identity.current.id !== id) {
      throw new PerSQLError('database_not_found', { database: identity.current.slug })
    }
  }
}
