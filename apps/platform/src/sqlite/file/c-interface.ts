/** A call that returns a promise if it has to wait. */
export type Call<F extends (...args: never[]) => number> = (...args: Parameters<F>) => number | Promise<number>

/** The functions of SQLite's C interface that are used here. Pointers are numbers. */
export interface Exports {
  readonly __wasm_call_ctors: () => void
  readonly malloc: (size: number) => number
  readonly free: (at: number) => void
  readonly sqlite3_initialize: () => number
  readonly sqlite3_open_v2: (path: number, into: number, flags: number, vfs: number) => number
  readonly sqlite3_close_v2: (db: number) => number
  readonly sqlite3_exec: (db: number, sql: number, callback: number, data: number, error: number) => number
  readonly sqlite3_prepare_v2: (db: number, sql: number, length: number, into: number, tail: number) => number
  readonly sqlite3_step: (statement: number) => number
  readonly sqlite3_finalize: (statement: number) => number
  readonly sqlite3_bind_text: (statement: number, i: number, text: number, length: number, free: number) => number
  readonly sqlite3_bind_blob: (statement: number, i: number, bytes: number, length: number, free: number) => number
  readonly sqlite3_bind_double: (statement: number, i: number, value: number) => number
  readonly sqlite3_column_count: (statement: number) => number
  readonly sqlite3_column_type: (statement: number, i: number) => number
  readonly sqlite3_column_int64: (statement: number, i: number) => bigint
  readonly sqlite3_column_double: (statement: number, i: number) => number
  readonly sqlite3_column_blob: (statement: number, i: number) => number
  readonly sqlite3_column_text: (statement: number, i: number) => number
  readonly sqlite3_column_bytes: (statement: number, i: number) => number
  readonly sqlite3_errmsg: (db: number) => number
  readonly sqlite3_extended_errcode: (db: number) => number
  readonly sqlite3_limit: (db: number, what: number, value: number) => number
  readonly sqlite3__wasm_db_config_ip: (db: number, option: number, value: number, into: number) => number
}
