import type { PerSQLError, QuotaLimits, QuotaName } from '@persql/contract'
import { quotaExceeded, storageExceeded } from '../../storage/quota-exceeded.ts'

/** The quotas of a namespace, as it sends them with a lease. */
export interface QuotaGrant {
  readonly limits: QuotaLimits
  /** The stored bytes of all databases and snapshots of the namespace, as last reported. */
  readonly namespaceBytes: number
  /** The part of them that this database stores. */
  readonly ownBytes: number
  /** The limit that the owner set for this database. */
  readonly maxBytes?: number | undefined
}

/** A limit of the bytes of a database: a quota, or the one that its owner set. */
export type StorageLimitName = 'database_bytes' | 'namespace_bytes' | 'max_bytes'

/** The most bytes that a database can store now, and what limits them. */
export interface StorageLimit {
  readonly bytes: number
  readonly quota: StorageLimitName
}

/** A quota or storage limit, its value and what is used of it. */
export interface QuotaUse {
  readonly quota: QuotaName | StorageLimitName
  readonly limit: number
  readonly used: number
}

/** The quotas that apply to a database: those of its last lease, and before the first one the defaults. */
export class DatabaseQuotas {
  #grant: QuotaGrant
  #storage: StorageLimit

  constructor(defaults: QuotaLimits) {
    this.#grant = { limits: defaults, namespaceBytes: 0, ownBytes: 0 }
    this.#storage = toStorageLimit(this.#grant)
  }

  accept(grant: QuotaGrant): void {
    this.#grant = grant
    const storage = toStorageLimit(grant)
    // A different object is a different limit.
    if (storage.bytes !== this.#storage.bytes || storage.quota !== this.#storage.quota) this.#storage = storage
  }

  get limits(): QuotaLimits {
    return this.#grant.limits
  }

  /** The bytes that were left in the namespace at the last lease. */
  get leftBytes(): number {
    return Math.max(0, this.#grant.limits.namespace_bytes - this.#grant.namespaceBytes)
  }

  /** Stays the same object until the limit changes. */
  get storage(): StorageLimit {
    return this.#storage
  }

  /**
   * Reserves bytes of the namespace for a copy of this database. The next lease counts them. Returns a function that
   * gives them back if the copy fails.
   * @throws PerSQLError `quota_exceeded`
   */
  reserve(bytes: number): () => void {
    const { limits, namespaceBytes } = this.#grant
    if (namespaceBytes + bytes > limits.namespace_bytes) {
      throw quotaExceeded('namespace_bytes', limits.namespace_bytes, namespaceBytes)
    }
    const grant = { ...this.#grant, namespaceBytes: namespaceBytes + bytes }
    this.accept(grant)
    return () => {
      // After another lease, the bytes aren't counted any more.
      if (this.#grant === grant) this.accept({ ...grant, namespaceBytes })
    }
  }

  /** Frees bytes of the namespace that a deleted copy of this database used. */
  free(bytes: number): void {
    const { namespaceBytes, ownBytes } = this.#grant
    this.accept({ ...this.#grant, namespaceBytes: Math.max(ownBytes, namespaceBytes - bytes) })
  }

  /** Returns the error of a call that needs more than a quota allows. `used` is the use of this database. */
  exceeded(quota: QuotaUse['quota'], used: number): PerSQLError {
    const use = this.getUse(quota, used)
    return storageExceeded(quota, use.limit, use.used)
  }

  /** Returns the use of a quota. `used` is the use of this database. */
  getUse(quota: QuotaUse['quota'], used: number): QuotaUse {
    const { limits, namespaceBytes, ownBytes, maxBytes = 0 } = this.#grant
    if (quota === 'max_bytes') return { quota, limit: maxBytes, used }
    const all = quota === 'namespace_bytes' ? namespaceBytes - ownBytes + used : used
    return { quota, limit: limits[quota], used: all }
  }
}

/** The database can grow by what is free in the namespace, but not above its own limits. */
function toStorageLimit({ limits, namespaceBytes, ownBytes, maxBytes }: QuotaGrant): StorageLimit {
  const shared = Math.max(0, limits.namespace_bytes - namespaceBytes + ownBytes)
  const own: StorageLimit =
    maxBytes !== undefined && maxBytes < limits.database_bytes
      ? { bytes: maxBytes, quota: 'max_bytes' }
      : { bytes: limits.database_bytes, quota: 'database_bytes' }
  return shared < own.bytes ? { bytes: shared, quota: 'namespace_bytes' } : own
}
