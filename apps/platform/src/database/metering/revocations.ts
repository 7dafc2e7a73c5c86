import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { namespaceAt } from '../../remote.ts'
import type { Sessions } from '../endpoints/sessions.ts'
import type { ChangeSockets } from '../events/change-feed/sockets.ts'
import type { IdentityStore } from '../identity.ts'
import type { Transactions } from '../transactions/transactions.ts'
import type { RevokedKeys } from './revoked-keys.ts'

/** The calls of a database to its namespace, which knows the keys that have ended. */
export interface RevocationCalls {
  readonly credentials: { ended(keys: readonly string[]): Promise<string[]> }
}

/** The services that revocations use. */
export interface RevocationsOptions {
  readonly env: Env
  readonly identity: IdentityStore
  readonly revoked: RevokedKeys
  readonly sessions: Sessions
  readonly sockets: ChangeSockets
  readonly transactions: Transactions
}

/** Revokes keys of secrets, tokens and grants, and the sessions that depend on them. */
export class Revocations {
  readonly #options: RevocationsOptions

  constructor(options: RevocationsOptions) {
    this.#options = options
  }

  revoke(keys: readonly string[]): void {
    const { revoked, sessions, transactions } = this.#options
    revoked.add(keys, now())
    transactions.revoke(keys)
    sessions.end(keys)
  }

  /** Asks the namespace which keys of subscriptions and sessions have ended, and revokes them. */
  async check(): Promise<void> {
    const { env, identity, sessions, sockets } = this.#options
    const [keys, known] = [[...sockets.keys(), ...sessions.minters()], identity.current]
    if (keys.length === 0 || !known) return
    this.revoke(await namespaceAt<RevocationCalls>(env, known.namespace).credentials.ended(keys))
  }

  /** Deletes revoked keys that no cache contains any more. */
  prune(nowMs: number): void {
    this.#options.revoked.prune(nowMs)
  }
}
