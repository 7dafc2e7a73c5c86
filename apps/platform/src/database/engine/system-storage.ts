const KEY = 'own-bytes'
const PAGE = 4_096

/**
 * The size of PerSQL's own data in the file: a tenant pays only for its own. The runtime has no page statistics, but
 * PerSQL is the only writer while it writes, so the growth of the file in that time is its own.
 */
export class SystemStorage {
  readonly #storage: DurableObjectStorage

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  /** The bytes of the file, without its free pages. */
  get fileBytes(): number {
    return this.#storage.sql.databaseSize
  }

  /** Counts the whole file as PerSQL's. Call it before the tenant's first statement. */
  adoptAll(): void {
    this.#put(this.#storage.sql.databaseSize)
  }

  /** Runs a step that writes only to system tables. */
  around<T>(write: () => T): T {
    const before = this.#storage.sql.databaseSize
    const result = write()
    const grown = this.#storage.sql.databaseSize - before
    if (grown !== 0) this.#put(this.#bytes() + grown)
    return result
  }

  /** Sets the size that a VACUUM measured, which packs PerSQL's pages too. */
  replace(bytes: number): void {
    this.#put(bytes)
  }

  /**
   * Returns the bytes of the tenant's rows and index entries. The first page of each table and index is free, so an
   * empty table counts as 0.
   */
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

  /** Reads from storage each time, because a rollback can revert the value. */
  #bytes(): number {
    return this.#storage.kv.get<number>(KEY) ?? 0
  }

  #put(bytes: number): void {
    this.#storage.kv.put(KEY, bytes)
  }
}
