import { now } from '../../clock.ts'
import { appTokenUser } from '../../token.ts'
import type { Audit } from '../audit.ts'
import type { EndedKeys } from './ended-keys.ts'
import type { GrantRecord, OAuthRecords } from './oauth-records.ts'
import type { Revocation, Tokens } from './tokens.ts'

/** The minimum interval between two searches for grants that lapsed. */
const CHECK_MS = 60_000

/** The services that the grants of apps depend on. */
export interface AppGrantsOptions {
  readonly storage: DurableObjectStorage
  readonly records: OAuthRecords
  readonly tokens: Tokens
  readonly audit: Audit
  readonly ended: EndedKeys
  readonly slug: () => string
}

/** The access that members gave to apps. It ends with everything that the app created. */
export class AppGrants {
  readonly #options: AppGrantsOptions
  #checkedMs = Number.NEGATIVE_INFINITY

  constructor(options: AppGrantsOptions) {
    this.#options = options
  }

  list(): GrantRecord[] {
    return this.#options.records.values<GrantRecord>('grant:', now())
  }

  find(grantId: string): GrantRecord | undefined {
    return this.list().find(({ id }) => id === grantId)
  }

  /** Returns the IDs of a token, or of a grant and its access tokens. */
  listTokenIds(id: string): string[] {
    return [id, ...this.#options.tokens.ofApps('grant_id', id)]
  }

  /** Ends a grant, and returns what ended with it. The next `notify` of the ended keys reports it to the databases. */
  end(grantId: string, actor: string, action: string): Revocation {
    const revocation = this.endIn(grantId, actor, action)
    this.#options.ended.add(revocation.keys)
    return revocation
  }

  /** Ends a grant in the caller's transaction. Returns the keys, which the caller sends to the databases. */
  endIn(grantId: string, actor: string, action = 'app.revoked'): Revocation {
    const { storage, records, tokens, audit, slug } = this.#options
    const found = this.find(grantId)
    if (!found) return { keys: [], descendants: 0 }
    const user = appTokenUser(slug(), found.metadata.userId)
    return storage.transactionSync(() => {
      for (const prefix of [
        `grant:${user}:${grantId}`,
        `token:${user}:${grantId}:`,
        `spent:${grantId}:`,
        `repeat:${grantId}:`,
      ]) {
        records.delete(prefix)
      }
      const revocation = tokens.revoke(this.listTokenIds(grantId), now())
      audit.add(actor, action, grantId, { client: found.clientId, member: found.metadata.userId }, now())
      return revocation
    })
  }

  /**
   * Ends everything that an app created if its access lapsed because it wasn't used for the lifetime of a refresh
   * token.
   */
  endLapsed(): void {
    const { storage, tokens, audit, ended } = this.#options
    const nowMs = now()
    // Each first call of a token at a database gets here. A token's access is cached for longer than this interval.
    if (Math.abs(nowMs - this.#checkedMs) < CHECK_MS) return
    this.#checkedMs = nowMs
    const creators = tokens.origins.grants()
    if (creators.length === 0) return
    const live = new Set(this.list().map(({ id }) => id))
    const lapsed = creators.filter((id) => !live.has(id))
    if (lapsed.length === 0) return
    storage.transactionSync(() => {
      for (const id of lapsed) audit.add('system', 'app.lapsed', id, {}, nowMs)
      ended.add(tokens.revoke(lapsed, nowMs).keys)
    })
  }
}
