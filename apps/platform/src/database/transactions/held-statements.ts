const MB = 1024 * 1024
/** The most bytes of a namespace, and of all namespaces of this process together. */
const MAX_BYTES = 64 * MB
const MAX_TOTAL_BYTES = 256 * MB
/** A namespace can always keep this much, so that others can't take all the room. */
const FREE_BYTES = MB
/** The time after which an entry no longer counts: longer than transactions and stored SQL are kept. */
const KEPT_MS = 20_000
const SWEEP_MS = 1_000

/** The part of a database's identity that names it. */
interface DatabaseName {
  readonly namespace: string
  readonly slug: string
}

interface Entry {
  readonly namespace: string
  readonly bytes: number
  readonly untilMs: number
}

/**
 * The memory that statements take between the requests of transactions and libSQL streams, of all databases of this
 * process: a tenant can have many databases. An object can end without notice, so entries expire.
 */
export class HeldStatements {
  readonly #entries = new Map<string, Entry>()
  readonly #byNamespace = new Map<string, number>()
  #total = 0
  #sweptMs = 0

  /**
   * Records how many bytes an owner keeps now. Returns whether that fits; the owner has to release something otherwise.
   * @param owner the name of the database, with what it keeps
   */
  set(namespace: string, owner: string, bytes: number, nowMs: number): boolean {
    this.#sweep(nowMs)
    this.#remove(owner)
    if (bytes === 0) return true
    this.#entries.set(owner, { namespace, bytes, untilMs: nowMs + KEPT_MS })
    const own = (this.#byNamespace.get(namespace) ?? 0) + bytes
    this.#byNamespace.set(namespace, own)
    this.#total += bytes
    return own <= FREE_BYTES || (own <= MAX_BYTES && this.#total <= MAX_TOTAL_BYTES)
  }

  #remove(owner: string): void {
    const entry = this.#entries.get(owner)
    if (!entry) return
    this.#entries.delete(owner)
    this.#total -= entry.bytes
    const own = (this.#byNamespace.get(entry.namespace) ?? 0) - entry.bytes
    if (own > 0) this.#byNamespace.set(entry.namespace, own)
    else this.#byNamespace.delete(entry.namespace)
  }

  /** Entries are in the order in which they were set, and so in the order in which they expire. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_MS) return
    this.#sweptMs = nowMs
    for (const [owner, { untilMs }] of this.#entries) {
      if (untilMs > nowMs) return
      this.#remove(owner)
    }
  }
}

/** The statements that this process keeps. */
const heldStatements = new HeldStatements()

/** Returns a function that records what this database keeps of one kind. It returns whether that fits. */
export const createKeep =
  (identity: { readonly current: DatabaseName | undefined }, kind: string) =>
  (bytes: number): boolean => {
    const { current } = identity
    if (!current) return true
    const { namespace, slug } = current
    return heldStatements.set(namespace, `${namespace}/${slug} ${kind}`, bytes, Date.now())
  }
