/** The identity of a database, which its namespace assigns. */
export interface Identity {
  readonly id: string
  readonly namespace: string
  readonly slug: string
}

const KEY = 'identity'

/** The identity of an object, in memory and in storage. Objects that hold a copy, or that were deleted, have none. */
export class IdentityStore {
  readonly #kv: SyncKvStorage
  /** The identity that calls are served under. */
  current: Identity | undefined

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
    this.current = kv.get<Identity>(KEY)
  }

  /** The identity, for code that runs only in databases. */
  get known(): Identity {
    return this.current as Identity
  }

  /** Saves an identity, which the next instance of the object reads. */
  save(identity: Identity): void {
    this.#kv.put(KEY, identity)
  }
}
