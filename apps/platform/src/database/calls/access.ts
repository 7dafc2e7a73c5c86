import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { IdentityStore } from '../identity.ts'
import type { LeaseClient } from '../metering/lease.ts'
import type { RevokedKeys } from '../metering/revoked-keys.ts'
import type { Grant } from './call.ts'

/** The services that access checks use. */
export interface AccessOptions {
  readonly identity: IdentityStore
  readonly exclusion: ExclusiveLock
  readonly lease: LeaseClient
  readonly revoked: RevokedKeys
}

/** Checks that callers have access to a database, and that it has credit for them. */
export class Access {
  readonly #options: AccessOptions

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /** Whether this object is a database and its lease covers one more request. */
  get canServe(): boolean {
    const { identity, lease } = this.#options
    return identity.current !== undefined && lease.canServe()
  }

  /** Returns whether the caller still has access. */
  admits(grant: Grant, nowMs = now()): boolean {
    const { revoked, identity } = this.#options
    const isOther = grant.databaseId !== undefined && grant.databaseId !== identity.current?.id
    return !isOther && revoked.isTokenValid(grant, nowMs)
  }

  /** Waits until this caller can use the database. @throws PerSQLError */
  async assertReady(address: string, grant: Grant): Promise<void> {
    const { identity, lease, exclusion } = this.#options
    const [namespace, slug] = address.split('/') as [string, string]
    await exclusion.held
    if (!identity.current || !lease.canServe()) await lease.acquire(namespace, slug)
    if (!this.admits(grant)) throw new PerSQLError('token_unknown')
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }

  /** Reports the usage and size of the database, and requests credit and the current quotas. @throws PerSQLError */
  async requestLease(): Promise<void> {
    const { current } = this.#options.identity
    if (current) await this.#options.lease.acquire(current.namespace, current.slug)
  }

  /** Requests credit for a public endpoint. @throws PerSQLError */
  async requestCredit(): Promise<void> {
    const { identity, lease } = this.#options
    const { current } = identity
    if (!current) throw new PerSQLError('unavailable')
    await lease.credit(current.namespace, current.slug)
    if (!lease.canServe()) throw new PerSQLError('insufficient_balance')
  }
}
