import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { CHUNK_BYTES } from '../../sqlite/file/chunks.ts'
import { acquireSlot, releaseSlot, renewSlot } from '../../sqlite/file/instance-slots.ts'
import { sqliteModule } from '../../sqlite/file/module.ts'
import { StoredChunks } from '../../sqlite/file/stored-chunks.ts'
import { SqliteError } from '../../sqlite/file/wasm-sqlite.ts'
import { write } from '../../sqlite/file/writer.ts'
import { readPages } from '../../sqlite/rows.ts'
import { readSchemaText } from '../../sqlite/schema.ts'
import type { Read } from '../../sqlite/walk.ts'
import { Turns } from '../../turns.ts'
import { copyError } from '../versions/copy/failure.ts'

/** The pages of a copy per call: about 2 MB of SQL, well below the runtime's limit for one call. */
const PAGES_A_CALL = 40
const CHUNKS_A_CALL = 4
/** The number of the file: it is the first one that SQLite opens in an object. */
const FILE = 1

/** Writes the copy in an object to a SQLite file, which is stored next to it until the object is deleted. */
export class FileExport extends RpcTarget {
  readonly #storage: DurableObjectStorage
  readonly #occupied: () => boolean
  #work: ReturnType<typeof write> | undefined

  /** @param occupied returns whether this object is a database, which must not be exported this way */
  constructor(storage: DurableObjectStorage, occupied: () => boolean) {
    super()
    this.#storage = storage
    this.#occupied = occupied
  }

  /** Continues to write; returns the size of the complete file. @throws PerSQLError `copy_impossible` */
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

  /** Returns a part of the file from this chunk on; its length shows where the next part starts. */
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
    const turns = new Turns()
    return write(sqliteModule, chunks, schema, readPages(read, schema, true), () => turns.next())
  }

  #end(): void {
    this.#work = undefined
    releaseSlot(this)
  }
}
