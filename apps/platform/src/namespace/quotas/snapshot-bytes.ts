const PREFIX = 'snapshot-bytes/'

/** The stored bytes of the snapshots of each database, as last reported. */
export class SnapshotBytes {
  readonly #kv: SyncKvStorage
  readonly #known: Map<string, number>
  #total: number

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
    this.#known = new Map(
      [...kv.list<number>({ prefix: PREFIX })].map(([key, bytes]) => [key.slice(PREFIX.length), bytes]),
    )
    this.#total = [...this.#known.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  get total(): number {
    return this.#total
  }

  /** Returns the stored bytes of the snapshots of a database. */
  of(databaseId: string): number {
    return this.#known.get(databaseId) ?? 0
  }

  record(databaseId: string, bytes: number): void {
    const before = this.of(databaseId)
    if (bytes === before) return
    if (bytes === 0) {
      this.#kv.delete(PREFIX + databaseId)
      this.#known.delete(databaseId)
    } else {
      this.#kv.put(PREFIX + databaseId, bytes)
      this.#known.set(databaseId, bytes)
    }
    this.#total += bytes - before
  }
}
