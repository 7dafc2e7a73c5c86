import { PerSQLError, type QuotaLimits, type QuotaName } from '@persql/contract'
import { countQuotaRefusal, quotaExceeded } from '../../storage/quota-exceeded.ts'

const KEY = 'quotas'

/** The limits of a namespace: the defaults of the instance, and the limits that the operator set for it. */
export class QuotaLimitStore {
  readonly #kv: SyncKvStorage
  readonly #defaults: QuotaLimits
  #own: Partial<QuotaLimits>

  constructor(kv: SyncKvStorage, defaults: QuotaLimits) {
    this.#kv = kv
    this.#defaults = defaults
    this.#own = kv.get<Partial<QuotaLimits>>(KEY) ?? {}
  }

  get current(): QuotaLimits {
    return { ...this.#defaults, ...this.#own }
  }

  get(name: QuotaName): number {
    return this.#own[name] ?? this.#defaults[name]
  }

  getDefault(name: QuotaName): number {
    return this.#defaults[name]
  }

  /** Sets a limit; `null` restores the default. Call it in a transaction with the audit event. */
  set(name: QuotaName, limit: number | null): void {
    const { [name]: _, ...others } = this.#own
    const own = limit === null ? others : { ...others, [name]: limit }
    this.#kv.put(KEY, own)
    this.#own = own
  }

  /** Checks that one more database can be created. @throws PerSQLError `too_many_databases` */
  assertDatabases(used: number): void {
    const limit = this.get('databases')
    if (used < limit) return
    countQuotaRefusal('databases')
    const numbers = { used: used.toLocaleString('en-US'), limit: limit.toLocaleString('en-US') }
    throw new PerSQLError('too_many_databases', numbers, { extra: { quota: 'databases', limit, used } })
  }

  /**
   * Checks that a copy of a database with `bytes` can be created. @throws PerSQLError `quota_exceeded`
   * @param used the bytes that the namespace stores now
   */
  assertBytes(used: number, bytes: number): void {
    if (bytes > this.get('database_bytes')) throw quotaExceeded('database_bytes', this.get('database_bytes'), bytes)
    if (used + bytes > this.get('namespace_bytes')) {
      throw quotaExceeded('namespace_bytes', this.get('namespace_bytes'), used)
    }
  }
}
