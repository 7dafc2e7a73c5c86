const KEY = 'own-bytes'
const PAGE = 4_096

/**
 * How much of the file is PerSQL's: a tenant pays for its own data. SQLite's page statistics are not to be had here,
 * but while we write, nobody else does, so what the file grows by then is ours.
 */
export class SystemStorage {
  readonly #storage: DurableObjectStorage

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  /** Takes all there is by now for ours: to be called before the tenant's first statement. */
  adoptAll(): void {
    this.#put(this.#storage.sql.databaseSize)
  }

  /** Runs a step that writes to our own tables alone. */
  around<T>(write: () => T): T {
    const before = this.#storage.sql.databaseSize
    const result = write()
    const grown = this.#storage.sql.databaseSize - before
    if (grown !== 0) this.#put(this.#bytes() + grown)
    return result
  }

  /** Bytes of the tenant's rows and index entries. The first page of each table and index is free, so none means none. */
  tenantBytes(): number {
    const { sql } = this.#storage
    const { trees } = sql
      .exec<{ trees: number }>(
        `SELECT count(*) AS trees FROM sqlite_master WHERE rootpage > 0
         AND lower(tbl_name) NOT GLOB '_persql_*' AND lower(tbl_name) NOT GLOB '_cf_*'`,
      )
      .one()
    return Math.max(0, sql.databaseSize - this.#bytes() - trees * PAGE)
  }

  /** Not remembered: the transaction that it was written in may be rolled back. */
  #bytes(): number {
    return this.#storage.kv.get<number>(KEY) ?? 0
  }

  #put(bytes: number): void {
    this.#storage.kv.put(KEY, bytes)
  }
}
