import { RpcTarget } from 'cloudflare:workers'
import { type Quota, type QuotaName, quotaNames, quotas } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Audit } from '../audit.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { Databases } from '../databases/databases.ts'
import type { IdentityStore } from '../identity.ts'
import type { QuotaLimitStore } from './limits.ts'
import type { SnapshotBytes } from './snapshot-bytes.ts'

/** The services that quotas depend on. */
export interface QuotasOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly limits: QuotaLimitStore
  readonly databases: Databases
  readonly snapshots: SnapshotBytes
  readonly lending: Pick<CreditAllocator, 'reclaimFrom'>
  readonly audit: Audit
}

type Use = Pick<Quota, 'used' | 'database'>

/** The quotas of a namespace and their current use. */
export class Quotas extends RpcTarget {
  readonly #options: QuotasOptions

  constructor(options: QuotasOptions) {
    super()
    this.#options = options
  }

  list(): Quota[] {
    return quotaNames.map((name) => this.#get(name))
  }

  /** Sets a limit for the operator; `null` restores the default. It applies from the next call on. */
  async set(name: QuotaName, limit: number | null): Promise<Quota> {
    const { storage, identity, limits, lending, audit } = this.#options
    const before = limits.get(name)
    storage.transactionSync(() => {
      limits.set(name, limit)
      const detail = { quota: name, from: before, to: limits.get(name) }
      audit.add('operator', 'namespace.quota_changed', identity.existing.slug, detail, now())
    })
    // Databases get the limits with their next lease.
    await lending.reclaimFrom()
    return this.#get(name)
  }

  #get(name: QuotaName): Quota {
    const { limits } = this.#options
    const { scope, unit } = quotas[name]
    return { name, scope, unit, limit: limits.get(name), default: limits.getDefault(name), ...this.#findUse(name) }
  }

  #findUse(name: QuotaName): Use {
    const { databases, snapshots } = this.#options
    switch (name) {
      case 'databases':
        return { used: databases.count(), database: null }
      case 'namespace_bytes':
        return { used: databases.storedBytes + snapshots.total, database: null }
      case 'snapshots':
      case 'subscriptions':
      case 'replay_bytes':
      case 'exports':
      case 'imports':
        return { used: null, database: null }
      case 'database_bytes': {
        const largest = databases.largest()
        return { used: largest?.storedBytes ?? 0, database: largest?.slug ?? null }
      }
    }
  }
}
