import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { createOAuthError, type OAuthResponse } from '../../oauth-server/error-response.ts'
import { openAnswer, REPEAT_S, sealAnswer } from '../../oauth-server/repeated-refresh.ts'
import { answerAs } from '../../oauth-server/server.ts'
import type { OAuthStore } from '../../oauth-server/store.ts'
import { hashToken } from '../../token.ts'
import type { AppGrants } from './app-grants.ts'
import type { EndedKeys } from './ended-keys.ts'
import { type AppStore, heldBack } from './oauth-grant-store.ts'
import type { GrantRecord, OAuthRecords } from './oauth-records.ts'
/** The services that the token endpoint depends on. */
export interface AppTokenEndpointOptions {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly records: OAuthRecords
  readonly store: AppStore
  readonly grants: AppGrants
  readonly ended: EndedKeys
}

/** The token endpoint of OAuth: exchanges codes, refreshes and revokes tokens of apps. */
export class AppTokenEndpoint {
  readonly #options: AppTokenEndpointOptions
  /** Work in progress by grant. The library reads and writes a grant in separate steps, so calls must not overlap. */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: AppTokenEndpointOptions) {
    this.#options = options
  }

  /** Handles requests to the token endpoint, including revocations, one at a time per grant. */
  answer(baseUrl: string, form: string): Promise<OAuthResponse> {
    const { env, records, store, grants, ended } = this.#options
    const given = new URLSearchParams(form)
    const secret = given.get('code') ?? given.get('refresh_token') ?? given.get('token') ?? ''
    const [user = '', grantId = ''] = secret.split(':')
    const refreshes = given.get('grant_type') === 'refresh_token' && !given.has('token')
    return this.#oneByOne(grantId, async () => {
      const hash = await hashToken(secret)
      const repeat = `repeat:${grantId}:${hash}`
      const kept = refreshes ? records.get<string>(repeat, now()) : undefined
      if (kept === undefined && records.get(`spent:${grantId}:${hash}`, now()) !== undefined) {
        // The refresh token was used before, so two parties have it, and the server can't know which one is the app.
        grants.end(grantId, 'system', 'app.refresh_token_reused')
      }
      const grant = records.get<GrantRecord>(`grant:${user}:${grantId}`, now())
      if (grant === undefined || grant.clientId !== given.get('client_id')) {
        await ended.notify()
        return createOAuthError(given)
      }
      if (kept !== undefined) return (await openAnswer(env, given, kept)) ?? createOAuthError(given)
      return refreshes ? this.#refresh(baseUrl, given, repeat) : this.#ask(baseUrl, form, store)
    })
  }

  /**
   * Replaces a refresh token. The used token, its replacement and the response are written in one transaction, so a
   * crash can't separate them.
   */
  async #refresh(baseUrl: string, form: URLSearchParams, repeat: string): Promise<OAuthResponse> {
    const { env, storage, records, store } = this.#options
    const { store: held, puts } = heldBack(store)
    const answer = await this.#ask(baseUrl, form.toString(), held)
    const sealed = answer.status === 200 ? await sealAnswer(env, form, answer) : undefined
    storage.transactionSync(() => {
      store.write(puts)
      if (sealed) records.put(repeat, JSON.stringify(sealed), { expirationTtl: REPEAT_S }, now())
    })
    return answer
  }

  /** Calls the library's token endpoint. */
  async #ask(baseUrl: string, form: string, store: OAuthStore): Promise<OAuthResponse> {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const response = await answerAs(baseUrl, '/oauth/token', { method: 'POST', headers, body: form }, store)
    await this.#options.ended.notify()
    return { status: response.status, headers: [...response.headers], body: await response.text() }
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
