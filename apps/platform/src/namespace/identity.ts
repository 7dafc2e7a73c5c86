import type { WelcomeCredit } from '@persql/contract'

/** The identity of the namespace that an object holds. */
export interface Identity {
  readonly id: string
  readonly slug: string
  readonly createdAtMs: number
  readonly deletedAtMs?: number
  readonly suspended?: true
  /** Why the namespace started without the welcome credit. */
  readonly uncredited?: NonNullable<WelcomeCredit['reason']>
}

const KEY = 'identity'

/** Stores the identity of a namespace, and whether it is suspended or deleted. */
export class IdentityStore {
  readonly #kv: SyncKvStorage
  #known: Identity | undefined

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
    this.#known = kv.get<Identity>(KEY)
  }

  /** The identity, or `undefined` before the namespace is created. */
  get known(): Identity | undefined {
    return this.#known
  }

  /** The slug, or an empty string before the namespace is created. */
  get slug(): string {
    return this.#known?.slug ?? ''
  }

  get status(): 'active' | 'suspended' {
    return this.#known?.suspended ? 'suspended' : 'active'
  }

  /** Returns the identity of a namespace that exists. @throws Error before it is created */
  get existing(): Identity {
    if (!this.#known) throw new Error('The namespace does not exist.')
    return this.#known
  }

  /** Returns the identity, created first if it is missing. The identity is known only after `create` has returned. */
  ensure(create: () => Identity): Identity {
    this.#known ??= create()
    return this.#known
  }

  /** Stores an identity. Only `ensure` and `change` update the one in memory. */
  store(identity: Identity): Identity {
    this.#kv.put(KEY, identity)
    return identity
  }

  /** Replaces the identity, in memory and in storage. */
  change(identity: Identity): void {
    this.#known = identity
    this.store(identity)
  }
}
