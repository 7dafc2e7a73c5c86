/** The identity of a database. Its object learns it from its namespace. */
export interface Identity {
  readonly id: string
  readonly namespace: string
  readonly slug: string
}

const KEY = 'identity'

/** The identity of an object, in memory and in storage. Objects that hold a copy, or were wiped, have none. */
export class IdentityStore {
  readonly #kv: SyncKvStorage
  /** The identity that calls are served under. */
  current: Identity | undefined

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
    this.current = kv.get<Identity>(KEY)
  }

  /** The identity, for code that only databases run. */
  get known(): Identity {
    return this.current as Identity
  }

  /** Writes an identity, which counts from the next construction of the object on. */
  save(identity: Identity): void {
    this.#kv.put(KEY, identity)
  }
}
