import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { assertRoom } from '../../disk-space.ts'
import { joinChunks } from '../../join-chunks.ts'
import { acquireSlot, releaseSlot, renewSlot } from '../../sqlite/file/instance-slots.ts'
import { sqliteModule } from '../../sqlite/file/module.ts'
import { readSqliteFile } from '../../sqlite/file/reader.ts'
import { StoredChunks } from '../../sqlite/file/stored-chunks.ts'
import type { Alarm } from '../../storage/alarm.ts'
import { Turns } from '../../turns.ts'
import { DumpReader } from './dump-reader.ts'
import { ImportStepBuilder } from './import-steps.ts'

const ABANDONED_MS = 10 * 60 * 1000
/** A stored value can have at most 2 MB, and a character can take two bytes. */
const PART_CHARACTERS = 500_000

/** The size of the parts of a SQLite file that are stored in one transaction, whose end waits for the disk. */
const FILE_CHUNK_BYTES = 256 * 1024

/** Programs keep new tables in the log beside a file while they have it open. */
const noTables = 'It has no tables. If a program has the file open, copy it with VACUUM INTO, and import the copy.'

/** The converted file. */
export interface ImportPieces {
  readonly pieces: number
  readonly statements: number
  readonly rows: number
}

interface Parts {
  readonly storage: DurableObjectStorage
  readonly alarm: Alarm
  /** Returns whether this object is a database, which must not be used as a stage. */
  readonly occupied: () => boolean
  /** Schedules `sweep` for that time, with a timer that survives a restart. */
  readonly sweepAt: (atMs: number) => void
  /** Removes the file of this object, whose name is never used again. */
  readonly removeFile: () => Promise<void>
}

/** The received pieces of an import, in their own object until the import is complete. */
export class ImportStage extends RpcTarget {
  readonly #parts: Parts
  #usedMs = 0

  constructor(parts: Parts) {
    super()
    this.#parts = parts
  }

  /** Saves a piece under its number. */
  put(number: number, piece: string): void {
    this.#use()
    assertRoom('stores')
    const { kv } = this.#parts.storage
    let part = 0
    for (let at = 0; at < piece.length || part === 0; at += PART_CHARACTERS) {
      kv.put(`piece/${number}/${part++}`, piece.slice(at, at + PART_CHARACTERS))
    }
  }

  /**
   * Converts a SQLite file to pieces, in this object because it can store the file's pages.
   * @throws PerSQLError `sqlite_file_refused`, `import_failed`
   */
  async putFile(file: ReadableStream<Uint8Array>, maxBytes: number): Promise<ImportPieces> {
    this.#use()
    const [steps, turn, turns] = [new ImportStepBuilder(), {}, new Turns()]
    const reader = new DumpReader(steps)
    let pieces = 0
    let isEmpty = true
    const keep = (isEnd: boolean) => {
      for (const piece of steps.take(isEnd)) this.put(++pieces, piece)
    }
    async function* upload() {
      for await (const bytes of joinChunks(file, FILE_CHUNK_BYTES)) {
        assertRoom('stores')
        yield bytes
      }
      await acquireSlot(turn)
    }
    const pause = () => {
      renewSlot(turn)
      return turns.next()
    }
    const chunks = new StoredChunks(this.#parts.storage.sql)
    try {
      for await (const { sql } of readSqliteFile(upload(), {
        ...{ module: sqliteModule, chunks, maxBytes, pause, asText: true },
      })) {
        isEmpty = false
        reader.add(`${sql};\n`)
        keep(false)
        if (turns.isOver) await pause()
      }
      if (isEmpty) throw new PerSQLError('sqlite_file_refused', { problem: noTables })
      reader.end()
      keep(true)
    } finally {
      releaseSlot(turn)
    }
    return { pieces, statements: steps.statements, rows: steps.rows }
  }

  /** Returns a piece; `undefined` if the number has none. */
  get(number: number): string | undefined {
    this.#use()
    const { kv } = this.#parts.storage
    let piece = kv.get<string>(`piece/${number}/0`)
    for (let part = 1; piece !== undefined && part > 0; part++) {
      const more = kv.get<string>(`piece/${number}/${part}`)
      if (more === undefined) break
      piece += more
    }
    return piece
  }

  /** Deletes an import that has been idle for 10 minutes. Returns the next due time, if the import is still in use. */
  async sweep(nowMs: number): Promise<number | undefined> {
    if (nowMs - this.#usedMs < ABANDONED_MS) return this.#usedMs + ABANDONED_MS
    await this.wipe()
    return undefined
  }

  /** Deletes everything in this object, and its file. */
  async wipe(): Promise<void> {
    const { storage, alarm, occupied, removeFile } = this.#parts
    if (occupied()) throw new PerSQLError('internal')
    await alarm.clear()
    await storage.deleteAll()
    await removeFile()
  }

  #use(): void {
    if (this.#parts.occupied()) throw new PerSQLError('internal')
    const isNew = this.#usedMs === 0
    this.#usedMs = now()
    if (isNew) this.#parts.sweepAt(this.#usedMs + ABANDONED_MS)
  }
}

/** Returns the timer that deletes the pieces of an abandoned import. */
export const timers = (services: { readonly stage: ImportStage }) => ({
  stage: (nowMs: number) => services.stage.sweep(nowMs),
})
