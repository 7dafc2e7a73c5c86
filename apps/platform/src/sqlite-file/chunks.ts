/** Bytes of one chunk: one row, and so one row written, for every sixteen pages of a database. */
export const CHUNK_BYTES = 64 * 1024

/** Where files lie: chunks of `CHUNK_BYTES` under a file's number and their own. What was never put is zeroes. */
export interface Chunks {
  get(file: number, chunk: number): Uint8Array | undefined
  put(file: number, chunk: number, bytes: Uint8Array): void
  /** Forgets the chunks of a file from this one on. */
  drop(file: number, from: number): void
}

const TABLE = '_persql_file'

/** Files in a table of an object's own storage, which is wiped with the object. */
export class StoredChunks implements Chunks {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${TABLE} (file INTEGER, chunk INTEGER, bytes BLOB, PRIMARY KEY (file, chunk)) WITHOUT ROWID`,
    )
  }

  get(file: number, chunk: number): Uint8Array | undefined {
    const [row] = this.#sql.exec(`SELECT bytes FROM ${TABLE} WHERE file = ? AND chunk = ?`, file, chunk).raw()
    return row && new Uint8Array(row[0] as ArrayBuffer)
  }

  put(file: number, chunk: number, bytes: Uint8Array): void {
    this.#sql.exec(`REPLACE INTO ${TABLE} VALUES (?, ?, ?)`, file, chunk, bytes)
  }

  drop(file: number, from: number): void {
    this.#sql.exec(`DELETE FROM ${TABLE} WHERE file = ? AND chunk >= ?`, file, from)
  }
}
