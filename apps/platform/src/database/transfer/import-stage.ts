import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { acquireSlot, releaseSlot, renewSlot } from '../../sqlite/file/instance-slots.ts'
import { sqliteModule } from '../../sqlite/file/module.ts'
import { readSqliteFile } from '../../sqlite/file/reader.ts'
import { StoredChunks } from '../../sqlite/file/stored-chunks.ts'
import { DumpReader } from './dump-reader.ts'
import { ImportStepBuilder } from './import-steps.ts'

const ABANDONED_MS = 10 * 60 * 1000
/** A value of an object's store may have two megabytes, a character up to two bytes. */
const PART_CHARACTERS = 500_000

/** What a file was turned into. */
export interface ImportPieces {
  readonly pieces: number
  readonly statements: number
  readonly rows: number
}

interface Parts {
  readonly storage: DurableObjectStorage
  /** Whether this object is somebody's database: then nothing is done here. */
  readonly occupied: () => boolean
  /** Sees to it that `sweep` is called at that moment, whatever happens until then. */
  readonly sweepAt: (atMs: number) => void
}

/** What of an import has arrived, in an object of its own: the database gets it when it is whole. */
export class ImportStage extends RpcTarget {
  readonly #parts: Parts
  #usedMs = 0

  constructor(parts: Parts) {
    super()
    this.#parts = parts
  }

  /** Keeps a piece under its number. */
  put(number: number, piece: string): void {
    this.#use()
    const { kv } = this.#parts.storage
    let part = 0
    for (let at = 0; at < piece.length || part === 0; at += PART_CHARACTERS) {
      kv.put(`piece/${number}/${part++}`, piece.slice(at, at + PART_CHARACTERS))
    }
  }

  /** Turns a SQLite file into pieces, here where its pages can lie. @throws PerSQLError `sqlite_file_refused`, `import_failed` */
  async putFile(file: ReadableStream<Uint8Array>, maxBytes: number): Promise<ImportPieces> {
    this.#use()
    const [steps, turn] = [new ImportStepBuilder(), {}]
    const reader = new DumpReader(steps)
    let pieces = 0
    const keep = (isEnd: boolean) => {
      for (const piece of steps.take(isEnd)) this.put(++pieces, piece)
    }
    async function* upload() {
      yield* file
      await acquireSlot(turn)
    }
    const pause = () => {
      renewSlot(turn)
      return scheduler.wait(0)
    }
    const chunks = new StoredChunks(this.#parts.storage.sql)
    try {
      for await (const { sql } of readSqliteFile(upload(), {
        ...{ module: sqliteModule, chunks, maxBytes, pause, asText: true },
      })) {
        reader.add(`${sql};\n`)
        keep(false)
      }
      reader.end()
      keep(true)
    } finally {
      releaseSlot(turn)
    }
    return { pieces, statements: steps.statements, rows: steps.rows }
  }

  /** A piece, or nothing when there is none of this number. */
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

  /** Forgets everything when nobody came for long. Returns when to come again, if there is something left. */
  async sweep(nowMs: number): Promise<number | undefined> {
    if (nowMs - this.#usedMs < ABANDONED_MS) return this.#usedMs + ABANDONED_MS
    await this.wipe()
    return undefined
  }

  /** Forgets everything. */
  async wipe(): Promise<void> {
    const { storage, occupied } = this.#parts
    if (occupied()) throw new PerSQLError('internal')
    await storage.deleteAlarm()
    await storage.deleteAll()
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
