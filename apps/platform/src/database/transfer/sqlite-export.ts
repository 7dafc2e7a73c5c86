import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { CHUNK_BYTES } from '../../sqlite/file/chunks.ts'
import { acquireSlot, releaseSlot, renewSlot } from '../../sqlite/file/instance-slots.ts'
import { sqliteModule } from '../../sqlite/file/module.ts'
import { StoredChunks } from '../../sqlite/file/stored-chunks.ts'
import { SqliteError } from '../../sqlite/file/wasm-sqlite.ts'
import { write } from '../../sqlite/file/writer.ts'
import { pagesOf } from '../../sqlite/rows.ts'
import { readSchemaText } from '../../sqlite/schema.ts'
import type { Read } from '../../sqlite/walk.ts'
import { copyError } from '../versions/copy/failure.ts'

/** Pages of a copy in one call: some 2 MB of SQL, so that no call comes near what the runtime lets one compute. */
const PAGES_A_CALL = 10
const CHUNKS_A_CALL = 4
/** The file is the first that SQLite opens in an object. */
const FILE = 1

/** Writes the copy that an object holds into a SQLite file, which lies beside it until the object is wiped. */
export class FileExport extends RpcTarget {
  readonly #storage: DurableObjectStorage
  readonly #occupied: () => boolean
  #work: ReturnType<typeof write> | undefined

  /** @param occupied says whether this object is somebody's database: then nothing is done here */
  constructor(storage: DurableObjectStorage, occupied: () => boolean) {
    super()
    this.#storage = storage
    this.#occupied = occupied
  }

  /** Writes on; returns the file's size once it is whole. @throws PerSQLError `copy_impossible` */
  async write(): Promise<number | undefined> {
    if (this.#occupied()) throw new PerSQLError('internal')
    await acquireSlot(this)
    try {
      this.#work ??= this.#begin()
      for (let i = 0; i < PAGES_A_CALL; i++) {
        const { done, value } = await this.#work.next()
        if (!done) continue
        this.#end()
        return value
      }
      renewSlot(this)
      return undefined
    } catch (cause) {
      this.#end()
      if (!(cause instanceof SqliteError)) throw copyError(cause)
      throw new PerSQLError('file_impossible', { problem: cause.message }, { cause })
    }
  }

  /** Some of the file from this chunk on; how many bytes that are says how far it goes. */
  read(chunk: number): Uint8Array {
    const chunks = new StoredChunks(this.#storage.sql)
    const bytes = new Uint8Array(CHUNKS_A_CALL * CHUNK_BYTES)
    for (let i = 0; i < CHUNKS_A_CALL; i++) {
      const part = chunks.get(FILE, chunk + i)
      if (!part) return bytes.subarray(0, i * CHUNK_BYTES)
      bytes.set(part, i * CHUNK_BYTES)
    }
    return bytes
  }

  #begin() {
    const { sql } = this.#storage
    const read: Read = (text, ...params) => {
      const cursor = sql.exec(text, ...params)
      return { rows: [...cursor.raw()], rowsRead: cursor.rowsRead }
    }
    const schema = readSchemaText((text, ...params) => read(text, ...params).rows)
    const chunks = new StoredChunks(sql)
    chunks.drop(FILE, 0)
    return write(sqliteModule, chunks, schema, pagesOf(read, schema, true), () => scheduler.wait(0))
  }

  #end(): void {
    this.#work = undefined
    releaseSlot(this)
  }
}
