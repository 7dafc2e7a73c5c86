import type { AuthRequest } from '@cloudflare/workers-oauth-provider'
import { PerSQLError, type Role } from '@persql/contract'
import { isWithin } from '../../authority.ts'
import { now } from '../../clock.ts'
import { authorizationServer } from '../../oauth-server/server.ts'
import { appTokenUser } from '../../token.ts'
import type { Audit } from '../audit.ts'
import type { Databases } from '../databases/databases.ts'
import type { AppAuthority } from './app-authority.ts'
import type { EndedKeys } from './ended-keys.ts'
import type { AppStore } from './oauth-grant-store.ts'

/** The access that a member gives to an app. */
export interface Consent {
  readonly userId: string
  readonly role: Role
  /** Slugs of the databases, or `null` for all, including future ones. */
  readonly databases: readonly string[] | null
  readonly clientName: string
}

/** The services that consents depend on. */
export interface AppConsentsOptions {
  readonly store: AppStore
  readonly authority: AppAuthority
  readonly databases: Databases
  readonly audit: Audit
  readonly ended: EndedKeys
  readonly slug: () => string
}

/** Records that members authorize apps. */
export class AppConsents {
  readonly #options: AppConsentsOptions

  constructor(options: AppConsentsOptions) {
    this.#options = options
  }

  /**
   * Authorizes an app for a member. Returns the redirect URL with an authorization code.
   * @throws PerSQLError `namespace_not_found`, `database_not_found` or `role_insufficient`
   */
  async approve(baseUrl: string, request: AuthRequest, { userId, databases, ...consent }: Consent): Promise<string> {
    const { store, authority, databases: all, audit, ended, slug } = this.#options
    const ids = databases === null ? null : databases.map((name) => all.existing(name).id)
    const highest = authority.highestRole(userId, ids)
    if (!isWithin(consent.role, highest)) {
      throw new PerSQLError('role_insufficient', {
        role: highest,
        action: `authorize an app with the role "${consent.role}"`,
      })
    }
    const { redirectTo } = await authorizationServer(baseUrl)
      .getOAuthApi({ OAUTH_KV: store })
      .completeAuthorization({
        request,
        userId: appTokenUser(slug(), userId),
        scope: [consent.role],
        props: {},
        metadata: { ...consent, userId, databases: ids },
      })
    const detail = {
      client: request.clientId,
      name: consent.clientName,
      role: consent.role,
      databases: databases?.join(' ') ?? 'all',
    }
    audit.add(`user:${userId}`, 'app.allowed', request.clientId, detail, now())
    await ended.notify()
    return redirectTo
  }
}
