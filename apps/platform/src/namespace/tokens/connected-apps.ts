import { RpcTarget } from 'cloudflare:workers'
import type { AuthRequest } from '@cloudflare/workers-oauth-provider'
import { type MemberRole, type OAuthGrant, PerSQLError, type Role } from '@persql/contract'
import { type Authority, covers, databaseRole, isWithin, lowerOf } from '../../authority.ts'
import { now, toIso } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { createOAuthError, type OAuthResponse } from '../../oauth-server/error-response.ts'
import { openAnswer, REPEAT_S, sealAnswer } from '../../oauth-server/repeated-refresh.ts'
import { type Audience, answerAs, audienceOf, authorizationServer } from '../../oauth-server/server.ts'
import type { OAuthStore } from '../../oauth-server/store.ts'
import { appTokenUser, hashToken } from '../../token.ts'
import type { Audit } from '../audit.ts'
import type { Databases } from '../databases/databases.ts'
import type { Members } from '../members/members.ts'
import { type AppStore, createOAuthGrantStore, type GrantRecord, heldBack } from './oauth-grant-store.ts'
import { OAuthRecords } from './oauth-records.ts'
import type { AppToken, Revocation, Tokens } from './tokens.ts'

/** The access that a member gives to an app. */
export interface Consent {
  readonly userId: string
  readonly role: Role
  /** Slugs of the databases, or `null` for all, including future ones. */
  readonly databases: readonly string[] | null
  readonly clientName: string
}

/** The services that connected apps depend on. */
export interface AppsOptions {
  readonly storage: DurableObjectStorage
  readonly env: Env
  readonly tokens: Tokens
  readonly members: Members
  readonly databases: Databases
  readonly audit: Audit
  readonly slug: () => string
  /** Resolves when every active database refuses these keys. */
  readonly refuse: (keys: readonly string[]) => Promise<void>
}

/**
 * Apps that members authorized: the OAuth library's grants with their tokens. An access token works like any other
 * token, limited to its member's current access.
 */
export class ConnectedApps extends RpcTarget {
  readonly #options: AppsOptions
  readonly #records: OAuthRecords
  readonly #store: AppStore
  /** Work in progress by grant. The library reads and writes a grant in separate steps, so calls must not overlap. */
  readonly #underWay = new Map<string, Promise<unknown>>()
  /** Keys that ended here and that databases don't refuse yet. */
  #ended: string[] = []

  constructor(options: AppsOptions) {
    super()
    this.#options = options
    this.#records = new OAuthRecords(options.storage.sql)
    this.#store = createOAuthGrantStore({
      ...options,
      records: this.#records,
      revoked: (keys) => this.#ended.push(...keys),
      end: (grantId) => void this.#end(grantId, 'system', 'app.revoked'),
    })
  }

  /**
   * Authorizes an app for a member. Returns the redirect URL with an authorization code.
   * @throws PerSQLError `namespace_not_found`, `database_not_found` or `role_insufficient`
   */
  async approve(baseUrl: string, request: AuthRequest, { userId, databases, ...consent }: Consent): Promise<string> {
    const { databases: all, audit, slug } = this.#options
    const ids = databases === null ? null : databases.map((name) => all.existing(name).id)
    const highest = this.highestRole(userId, ids)
    if (!isWithin(consent.role, highest)) {
      throw new PerSQLError('role_insufficient', {
        role: highest,
        action: `authorize an app with the role "${consent.role}"`,
      })
    }
    const { redirectTo } = await authorizationServer(baseUrl)
      .getOAuthApi({ OAUTH_KV: this.#store })
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
    await this.notify()
    return redirectTo
  }

  /** Handles requests to the token endpoint, including revocations, one at a time per grant. */
  answer(baseUrl: string, form: string): Promise<OAuthResponse> {
    const given = new URLSearchParams(form)
    const secret = given.get('code') ?? given.get('refresh_token') ?? given.get('token') ?? ''
    const [user = '', grantId = ''] = secret.split(':')
    const refreshes = given.get('grant_type') === 'refresh_token' && !given.has('token')
    return this.#oneByOne(grantId, async () => {
      const hash = await hashToken(secret)
      const repeat = `repeat:${grantId}:${hash}`
      const kept = refreshes ? this.#records.get<string>(repeat, now()) : undefined
      if (kept === undefined && this.#records.get(`spent:${grantId}:${hash}`, now()) !== undefined) {
        // The refresh token was used before, so two parties have it, and the server can't know which one is the app.
        this.#end(grantId, 'system', 'app.refresh_token_reused')
      }
      const grant = this.#records.get<GrantRecord>(`grant:${user}:${grantId}`, now())
      if (grant === undefined || grant.clientId !== given.get('client_id')) {
        await this.notify()
        return createOAuthError(given)
      }
      if (kept !== undefined) return (await openAnswer(this.#options.env, given, kept)) ?? createOAuthError(given)
      return refreshes ? this.#refresh(baseUrl, given, repeat) : this.#ask(baseUrl, form, this.#store)
    })
  }

  /**
   * Replaces a refresh token. The used token, its replacement and the response are written in one transaction, so a
   * crash can't separate them.
   */
  async #refresh(baseUrl: string, form: URLSearchParams, repeat: string): Promise<OAuthResponse> {
    const { env, storage } = this.#options
    const { store, puts } = heldBack(this.#store)
    const answer = await this.#ask(baseUrl, form.toString(), store)
    const sealed = answer.status === 200 ? await sealAnswer(env, form, answer) : undefined
    storage.transactionSync(() => {
      this.#store.write(puts)
      if (sealed) this.#records.put(repeat, JSON.stringify(sealed), { expirationTtl: REPEAT_S }, now())
    })
    return answer
  }

  /** Calls the library's token endpoint. */
  async #ask(baseUrl: string, form: string, store: OAuthStore): Promise<OAuthResponse> {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const response = await answerAs(baseUrl, '/oauth/token', { method: 'POST', headers, body: form }, store)
    await this.notify()
    return { status: response.status, headers: [...response.headers], body: await response.text() }
  }

  /** Lists the connected apps of one member or, for admins, of all members. */
  list(userId: string, role: MemberRole): OAuthGrant[] {
    const { tokens } = this.#options
    const all = covers(role, 'admin')
    const descendants = tokens.origins.counts(now())
    return this.#records
      .values<GrantRecord>('grant:', now())
      .filter(({ refreshTokenId, metadata }) => refreshTokenId !== undefined && (all || metadata.userId === userId))
      .map(({ id, clientId, metadata, resource, createdAt }) => ({
        id,
        clientId,
        clientName: metadata.clientName,
        userId: metadata.userId,
        role: metadata.role,
        databases: metadata.databases === null ? null : this.#slugs(metadata.databases),
        audience: audienceOf(resource),
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
    const { descendants } = this.#end(id, `user:${userId}`, 'app.revoked')
    await this.notify()
    return descendants
  }

  /** Ends a grant in the caller's transaction. Returns the keys, which the caller sends to the databases. */
  endIn(grantId: string, actor: string): Revocation {
    const revocation = this.#end(grantId, actor, 'app.revoked')
    this.#ended = this.#ended.filter((key) => !revocation.keys.includes(key))
    return revocation
  }

  /**
   * Applies a member's new role or removal to the member's apps: their access tokens end, and a removed member's apps
   * lose access. Only apps of admins can create tokens, so the tokens that they created end too if the member isn't an
   * admin. Call it in the transaction of the change, and `notify` after it.
   */
  memberChanged(userId: string): void {
    const { members, tokens } = this.#options
    const member = members.find(userId)
    const grants = this.#records
      .values<GrantRecord>('grant:', now())
      .filter(({ metadata }) => metadata.userId === userId)
    if (!member) {
      for (const { id } of grants) this.#end(id, 'system', 'app.revoked')
      return
    }
    const ids = covers(member.role, 'admin') ? [] : grants.map(({ id }) => id)
    const created = ids.flatMap((id) => tokens.origins.children(id, now()))
    tokens.origins.dropHandoffs(ids, now())
    this.#ended.push(...tokens.revoke([...tokens.ofApps('user_id', userId), ...created], now()).keys)
    // An app that can no longer open sessions for its users loses the open ones.
    const closed = grants.map(({ id }) => id).filter((id) => !this.opensSessions(id))
    tokens.noteEnded(closed, now())
    this.#ended.push(...closed)
  }

  /** Returns whether an app has access that includes opening sessions. */
  opensSessions(grantId: string): boolean {
    const grant = this.#find(grantId)
    const member = grant && this.#options.members.find(grant.metadata.userId)
    return member !== undefined && lowerOf(grant?.metadata.role ?? 'readonly', databaseRole[member.role]) !== 'readonly'
  }

  /**
   * Ends everything that an app created if its access lapsed because it wasn't used for the lifetime of a refresh
   * token.
   */
  endLapsed(): void {
    const { storage, tokens, audit } = this.#options
    const lapsed = tokens.origins.grants().filter((id) => !this.isOpen(id))
    if (lapsed.length === 0) return
    storage.transactionSync(() => {
      for (const id of lapsed) audit.add('system', 'app.lapsed', id, {}, now())
      this.#ended.push(...tokens.revoke(lapsed, now()).keys)
    })
  }

  /** Returns whether an app with this grant has access. */
  isOpen(grantId: string): boolean {
    return this.#find(grantId) !== undefined
  }

  /** Returns the IDs of a token, or of a grant and its access tokens. */
  tokensOf(id: string): string[] {
    return [id, ...this.#options.tokens.ofApps('grant_id', id)]
  }

  /** Returns the access that an app can pass on. @throws PerSQLError `token_unknown` if it has none */
  authorityOf(grantId: string): Authority {
    const grant = this.#find(grantId)
    const member = grant && this.#options.members.find(grant.metadata.userId)
    if (!grant || !member || !covers(member.role, 'admin')) throw new PerSQLError('token_unknown')
    const role = lowerOf(grant.metadata.role, databaseRole[member.role])
    return { role, opens: grant.metadata.databases, tableScope: null, expiresAtMs: null, claims: null }
  }

  /**
   * Returns the current access of an app's token: at most the member's access, in the given database or in the
   * namespace.
   * @throws PerSQLError `token_audience`, or `token_unknown` if the member left
   */
  getEffectiveGrant({ userId, audience }: AppToken, role: Role, databaseId: string | undefined, at: Audience) {
    if (audience !== at) throw new PerSQLError('token_audience')
    const { members } = this.#options
    const member = members.find(userId)
    if (!member) throw new PerSQLError('token_unknown')
    const memberRole = databaseId === undefined ? member.role : members.roleIn(databaseId, member)
    return { role: lowerOf(role, databaseRole[memberRole]), memberRole }
  }

  /** Returns the highest role that a member can give to an app. @throws PerSQLError `namespace_not_found` */
  highestRole(userId: string, databaseIds: readonly string[] | null): Role {
    const { members, databases, slug } = this.#options
    const member = members.find(userId)
    if (!member) throw new PerSQLError('namespace_not_found', { namespace: slug() })
    const ids = databaseIds ?? databases.list().map(({ id }) => id)
    const roles = [...ids.map((id) => members.roleIn(id, member)), ...(databaseIds ? [] : [member.role])]
    return roles.map((role) => databaseRole[role]).reduce((a, b) => (isWithin(b, a) ? a : b), 'readonly')
  }

  #slugs(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.#options.databases.listed(id)?.slug ?? [])
  }

  #find(grantId: string): GrantRecord | undefined {
    return this.#records.values<GrantRecord>('grant:', now()).find(({ id }) => id === grantId)
  }

  #end(grantId: string, actor: string, action: string): Revocation {
    const { storage, tokens, audit } = this.#options
    const found = this.#find(grantId)
    if (!found) return { keys: [], descendants: 0 }
    const user = appTokenUser(this.#options.slug(), found.metadata.userId)
    return storage.transactionSync(() => {
      for (const prefix of [
        `grant:${user}:${grantId}`,
        `token:${user}:${grantId}:`,
        `spent:${grantId}:`,
        `repeat:${grantId}:`,
      ]) {
        this.#records.delete(prefix)
      }
      const revocation = tokens.revoke(this.tokensOf(grantId), now())
      this.#ended.push(...revocation.keys)
      audit.add(actor, action, grantId, { client: found.clientId, member: found.metadata.userId }, now())
      return revocation
    })
  }

  /** Resolves when every active database refuses the keys that ended here. */
  async notify(): Promise<void> {
    const keys = this.#ended
    this.#ended = []
    if (keys.length > 0) await this.#options.refuse(keys)
  }

  async #oneByOne<T>(grantId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#underWay.get(grantId) ?? Promise.resolve()
    const mine = before.catch(() => {}).then(work)
    this.#underWay.set(grantId, mine)
    try {
      return await mine
    } finally {
      if (this.#underWay.get(grantId) === mine) this.#underWay.delete(grantId)
    }
  }
}
