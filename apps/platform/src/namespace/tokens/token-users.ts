import { now } from '../../clock.ts'
import type { Audit } from '../audit.ts'
import type { AppGrants } from './app-grants.ts'
import type { Tokens } from './tokens.ts'

/** The services that finding a user depends on. */
export interface TokenUsersOptions {
  readonly tokens: Tokens
  readonly grants: AppGrants
  readonly audit: Audit
}

/** Finds the user behind a caller, for actions that belong to a person. */
export class TokenUsers {
  readonly #options: TokenUsersOptions

  constructor(options: TokenUsersOptions) {
    this.#options = options
  }

  /**
   * Returns the ID of a signed-in user, of the member who authorized an app, or of the member who learned the secret of
   * a token or of its first ancestor. `undefined` for tokens of the operator.
   */
  find(actor: string): string | undefined {
    if (actor.startsWith('user:')) return actor.slice('user:'.length)
    return actor.startsWith('token:') ? this.#ofToken(actor.slice('token:'.length)) : undefined
  }

  #ofToken(id: string): string | undefined {
    const { tokens, grants, audit } = this.#options
    const { app, mintedBy } = tokens.get(id, now())
    if (app) return app.userId
    if (mintedBy?.startsWith('tok_')) return this.#ofToken(mintedBy)
    if (mintedBy !== null) return grants.find(mintedBy)?.metadata.userId
    const actor = audit.findActor(['token.created', 'token.rotated'], id)
    return actor?.startsWith('user:') ? actor.slice('user:'.length) : undefined
  }
}
