import { RpcTarget } from 'cloudflare:workers'
import type { AuthRequest } from '@cloudflare/workers-oauth-provider'
import { type MemberRole, type OAuthGrant, PerSQLError, type Role } from '@persql/contract'
import { covers } from '../../authority.ts'
import { now, toIso } from '../../clock.ts'
import type { OAuthResponse } from '../../oauth-server/error-response.ts'
import { getAudience } from '../../oauth-server/server.ts'
import type { Databases } from '../databases/databases.ts'
import type { AppAuthority } from './app-authority.ts'
import type { AppConsents, Consent } from './app-consents.ts'
import type { AppGrants } from './app-grants.ts'
import type { AppTokenEndpoint } from './app-token-endpoint.ts'
import type { EndedKeys } from './ended-keys.ts'
import type { Tokens } from './tokens.ts'

/** The services that connected apps depend on. */
export interface ConnectedAppsOptions {
  readonly grants: AppGrants
  readonly authority: AppAuthority
  readonly consents: AppConsents
  readonly tokenEndpoint: AppTokenEndpoint
  readonly tokens: Tokens
  readonly databases: Databases
  readonly ended: EndedKeys
}

/**
 * Apps that members authorized: the OAuth library's grants with their tokens. An access token works like any other
 * token, limited to its member's current access.
 */
export class ConnectedApps extends RpcTarget {
  readonly #options: ConnectedAppsOptions

  constructor(options: ConnectedAppsOptions) {
    super()
    this.#options = options
  }

  /**
   * Authorizes an app for a member. Returns the redirect URL with an authorization code.
   * @throws PerSQLError `namespace_not_found`, `database_not_found` or `role_insufficient`
   */
  approve(baseUrl: string, request: AuthRequest, consent: Consent): Promise<string> {
    return this.#options.consents.approve(baseUrl, request, consent)
  }

  /** Handles requests to the token endpoint, including revocations. */
  answer(baseUrl: string, form: string): Promise<OAuthResponse> {
    return this.#options.tokenEndpoint.answer(baseUrl, form)
  }

  /** Returns the highest role that a member can give to an app. @throws PerSQLError `namespace_not_found` */
  highestRole(userId: string, databaseIds: readonly string[] | null): Role {
    return this.#options.authority.highestRole(userId, databaseIds)
  }

  /** Lists the connected apps of one member or, for admins, of all members. */
  list(userId: string, role: MemberRole): OAuthGrant[] {
    const { grants, tokens } = this.#options
    const all = covers(role, 'admin')
    const descendants = tokens.origins.counts(now())
    return grants
      .list()
      .filter(({ refreshTokenId, metadata }) => refreshTokenId !== undefined && (all || metadata.userId === userId))
      .map(({ id, clientId, metadata, resource, createdAt }) => ({
        id,
        clientId,
        clientName: metadata.clientName,
        userId: metadata.userId,
        role: metadata.role,
        databases: metadata.databases === null ? null : this.#slugs(metadata.databases),
        audience: getAudience(resource),
        createdAt: toIso(createdAt * 1000),
        lastTokenAt: toIso(tokens.lastOfGrant(id)),
        descendants: descendants.get(id) ?? 0,
      }))
  }

  /**
   * Revokes an app's access and everything that it created. Returns how many other credentials ended.
   * @throws PerSQLError `oauth_grant_not_found`
   */
  async revoke(id: string, userId: string, role: MemberRole): Promise<number> {
    if (!this.list(userId, role).some((grant) => grant.id === id))
      throw new PerSQLError('oauth_grant_not_found', { id })
    const { grants, ended } = this.#options
    const { descendants } = grants.end(id, `user:${userId}`, 'app.revoked')
    await ended.notify()
    return descendants
  }

  #slugs(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.#options.databases.listed(id)?.slug ?? [])
  }
}
