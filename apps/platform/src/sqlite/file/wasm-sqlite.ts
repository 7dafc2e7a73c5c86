import { decodeText } from '../values.ts'
import type { Call, Exports } from './c-interface.ts'
import type { Chunks } from './chunks.ts'
import type { ChunkedFile } from './file.ts'
import { canSuspend, promising } from './suspension.ts'
import { WasiFileSystem } from './wasi.ts'

const [OK, NOMEM, MISMATCH, ROW, DONE] = [0, 7, 20, 100, 101]
const [INTEGER, FLOAT, TEXT, BLOB] = [1, 2, 3, 4]
const [READONLY, READWRITE, CREATE] = [1, 2, 4]
/** `SQLITE_TRANSIENT`: makes SQLite copy a bound value. */
const TRANSIENT = -1

const PATH = '/database'

/** SQLite's error for a failed statement. */
export class SqliteError extends Error {
  readonly code: number

  constructor(message: string, code: number) {
    super(message)
    this.code = code
  }
}

/** A separate SQLite instance with one database, whose file is stored in chunks. Garbage collection frees it. */
export class Sqlite {
  readonly #system: WasiFileSystem
  readonly #c: Exports
  /** Calls that read or write files, during which other calls can run. */
  readonly #open: Call<Exports['sqlite3_open_v2']>
  readonly #exec: Call<Exports['sqlite3_exec']>
  readonly #prepare: Call<Exports['sqlite3_prepare_v2']>
  readonly #step: Call<Exports['sqlite3_step']>
  readonly #close: Call<Exports['sqlite3_close_v2']>
  #db = 0

  /** @param pause lets other calls run; without it, no call waits, and `read` can be used */
  constructor(module: WebAssembly.Module, chunks: Chunks, pause?: () => Promise<void>) {
    this.#system = new WasiFileSystem(chunks, pause)
    this.#c = new WebAssembly.Instance(module, this.#system.imports).exports as unknown as Exports
    this.#c.__wasm_call_ctors()
    this.#c.sqlite3_initialize()
    const call = canSuspend && pause ? promising : <T>(run: T) => run
    this.#open = call(this.#c.sqlite3_open_v2)
    this.#exec = call(this.#c.sqlite3_exec)
    this.#prepare = call(this.#c.sqlite3_prepare_v2)
    this.#step = call(this.#c.sqlite3_step)
    this.#close = call(this.#c.sqlite3_close_v2)
  }

  /** The file that `open` opens. */
  get file(): ChunkedFile {
    return this.#system.file(PATH)
  }

  set file(file: ChunkedFile) {
    this.#system.mount(PATH, file)
  }

  /** @throws SqliteError */
  async open(readonly: boolean): Promise<void> {
    const c = this.#c
    const into = c.malloc(4)
    const [path, vfs] = [this.#text(PATH), this.#text('unix-none')]
    const code = await this.#open(path, into, readonly ? READONLY : READWRITE | CREATE, vfs)
    this.#db = this.#pointer(into)
    for (const at of [into, path, vfs]) c.free(at)
    if (code !== OK) throw this.#error()
  }

  async close(): Promise<void> {
    await this.#close(this.#db)
    this.#db = 0
  }

  /** Turns an option of `SQLITE_DBCONFIG_…` on or off. */
  configure(option: number, on: boolean): void {
    this.#c.sqlite3__wasm_db_config_ip(this.#db, option, on ? 1 : 0, 0)
  }

  /** Sets a limit of `SQLITE_LIMIT_…`. */
  limit(what: number, value: number): void {
    this.#c.sqlite3_limit(this.#db, what, value)
  }

  /** Runs all statements of a text. @throws SqliteError */
  async exec(sql: string): Promise<void> {
    const text = this.#text(sql)
    try {
      if ((await this.#exec(this.#db, text, 0, 0, 0)) !== OK) throw this.#error()
    } finally {
      this.#c.free(text)
    }
  }

  /** Returns the first row of a statement, if there is one. @throws SqliteError */
  async first(sql: string): Promise<unknown[] | undefined> {
    const [text, into] = [this.#text(sql), this.#c.malloc(4)]
    let statement = 0
    try {
      if ((await this.#prepare(this.#db, text, -1, into, 0)) !== OK) throw this.#error()
      statement = this.#pointer(into)
      const code = await this.#step(statement)
      if (code !== ROW && code !== DONE) throw this.#error()
      return code === ROW ? this.#row(statement, decodeStrictly) : undefined
    } finally {
      this.#c.sqlite3_finalize(statement)
      for (const at of [text, into]) this.#c.free(at)
    }
  }

  /**
   * Returns rows of one statement: at least one, then up to `maxBytes`. Integers are rounded to numbers.
   * @param decode converts text, including text that isn't UTF-8
   * @throws SqliteError
   */
  read(sql: string, params: readonly unknown[] = [], maxBytes = Number.POSITIVE_INFINITY, decode = decodeStrictly) {
    const c = this.#c
    const statement = this.#compile(sql)
    try {
      params.forEach((value, i) => {
        this.#bind(statement, i + 1, value)
      })
      const rows: unknown[][] = []
      for (let bytes = 0; ; ) {
        const code = c.sqlite3_step(statement)
        if (code === DONE) return { rows, isCut: false }
        if (code !== ROW) throw this.#error()
        if (bytes > maxBytes) return { rows, isCut: true }
        const row = this.#row(statement, decode)
        rows.push(row)
        for (const i of row.keys()) bytes += c.sqlite3_column_bytes(statement, i)
      }
    } finally {
      c.sqlite3_finalize(statement)
    }
  }

  #compile(sql: string): number {
    const c = this.#c
    const [text, into] = [this.#text(sql), c.malloc(4)]
    try {
      if (c.sqlite3_prepare_v2(this.#db, text, -1, into, 0) !== OK) throw this.#error()
      return this.#pointer(into)
    } finally {
      c.free(text)
      c.free(into)
    }
  }

  #bind(statement: number, i: number, value: unknown): void {
    if (typeof value === 'number') this.#c.sqlite3_bind_double(statement, i, value)
    if (typeof value === 'string') {
      const text = this.#text(value)
      this.#c.sqlite3_bind_text(statement, i, text, utf8.encode(value).length, TRANSIENT)
      this.#c.free(text)
    }
    if (value instanceof ArrayBuffer) {
      const at = this.#copy(new Uint8Array(value))
      this.#c.sqlite3_bind_blob(statement, i, at, value.byteLength, TRANSIENT)
      this.#c.free(at)
    }
  }

  #row(statement: number, decode: Decode): unknown[] {
    return Array.from({ length: this.#c.sqlite3_column_count(statement) }, (_, i) => this.#value(statement, i, decode))
  }

  #value(statement: number, i: number, decode: Decode): unknown {
    const c = this.#c
    switch (c.sqlite3_column_type(statement, i)) {
      case INTEGER:
        return Number(c.sqlite3_column_int64(statement, i))
      case FLOAT:
        return c.sqlite3_column_double(statement, i)
      case TEXT:
        return decode(this.#bytes(statement, i, c.sqlite3_column_text(statement, i)))
      case BLOB:
        return this.#bytes(statement, i, c.sqlite3_column_blob(statement, i)).slice().buffer
      default:
        return null
    }
  }

  #bytes(statement: number, i: number, at: number): Uint8Array {
    return this.#system.bytes.subarray(at, at + this.#c.sqlite3_column_bytes(statement, i))
  }

  /** Copies a text into memory as a C string, which the caller frees. */
  #text(text: string): number {
    return this.#copy(utf8.encode(text))
  }

  /** Copies bytes into memory, followed by a zero. */
  #copy(bytes: Uint8Array): number {
    const at = this.#c.malloc(bytes.length + 1)
    if (at === 0) throw new SqliteError('out of memory', NOMEM)
    const { bytes: memory } = this.#system
    memory.set(bytes, at)
    memory[at + bytes.length] = 0
    return at
  }

  #pointer(at: number): number {
    return new DataView(this.#system.memory.buffer).getUint32(at, true)
  }

  #error(): SqliteError {
    const c = this.#c
    return new SqliteError(this.#system.text(c.sqlite3_errmsg(this.#db)), c.sqlite3_extended_errcode(this.#db))
  }
}

const utf8 = new TextEncoder()
// With `ignoreBOM`, a leading U+FEFF stays part of the text.
const lenient = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** Converts the bytes of a text to a string. */
type Decode = (bytes: Uint8Array) => string

function decodeStrictly(bytes: Uint8Array): string {
  const text = decodeText(bytes)
  if (text === undefined) throw new SqliteError('invalid UTF-8 text', MISMATCH)
  return text
}

/** Decodes as the runtime does, with U+FFFD for bytes that aren't UTF-8. */
export const decodeLeniently: Decode = (bytes) => lenient.decode(bytes)
