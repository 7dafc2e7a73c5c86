import type { Chunks } from './chunks.ts'

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
