import { createHash } from 'node:crypto'
import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { databaseObject } from '../../api/objects.ts'
import type { Context } from '../../context.ts'
import type { Grant } from '../../database/calls/call.ts'
import { CsvReader } from '../../database/transfer/csv-reader.ts'
import type { Column } from '../../database/transfer/csv-values.ts'
import { DumpReader } from '../../database/transfer/dump-reader.ts'
import { ImportStepBuilder, type Reader } from '../../database/transfer/import-steps.ts'
import { NdjsonReader } from '../../database/transfer/ndjson-reader.ts'
import type { Upload } from '../../database/transfer/operations.ts'
import { joinChunks } from '../../join-chunks.ts'
import { logInternal } from '../../reply.ts'
import { Turns } from '../../turns.ts'
import { ArrivingBody } from '../rest/body.ts'
import { detectFormat, type FileFormat } from './import-format.ts'
import { filePart } from './multipart.ts'
import { decoded } from './text-stream.ts'

type Input = Parsed<Api['import_database']>

/** The size limit of a form. Browsers send forms; larger files are sent as the request body itself. */
const MAX_FORM = 50 * 1024 * 1024
/** The maximum number of bytes to read from a rejected body, so that its sender can read the response. */
const PATIENCE = 256 * 1024 * 1024
/** The minimum size of the chunks of a file, except for the last one. */
const CHUNK_BYTES = 32 * 1024
/** The length of the text that is read before the time of a turn is checked. */
const SLICE_CHARACTERS = 4_000

/** Receives a file: writes its content to a separate import stage in chunks, while the database serves other calls. */
export class Receiver {
  readonly #request: Request
  readonly #ctx: Context
  readonly #address: { readonly ns: string; readonly db: string }
  readonly #id = `imp_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
  readonly #hash = createHash('sha256')
  readonly #turns = new Turns()
  #body: ArrivingBody | undefined
  #bytes = 0
  #pieces = 0
  #isBegun = false
  /** The SHA-256 of the file, once received. A retry of the import sends the same file. */
  digest: string | undefined

  constructor(request: Request, address: { ns: string; db: string }, ctx: Context) {
    this.#request = request
    this.#address = address
    this.#ctx = ctx
  }

  /** Receives the file into the import stage. @throws PerSQLError if the file is rejected before the import begins */
  async receive({ format, table, create }: Input, grant: Grant): Promise<Upload> {
    const contentType = this.#request.headers.get('Content-Type') ?? ''
    const isForm = /^multipart\/form-data\b/i.test(contentType)
    const { importMaxBytes, bodyTimeoutMs } = this.#ctx.settings
    const max = isForm ? Math.min(MAX_FORM, importMaxBytes) : importMaxBytes
    const declared = Number(this.#request.headers.get('Content-Length') ?? Number.NaN)
    // No limit for the total time: a large file takes long on a slow connection.
    this.#body = this.#request.body ? new ArrivingBody(this.#request.body, bodyTimeoutMs) : undefined
    try {
      if (declared > max) throw tooLarge(max)
      const { ns, db } = this.#address
      const creates = create === '1' || create === 'true'
      const asked = {
        id: this.#id,
        totalBytes: declared >= 0 ? declared : null,
        table: format === 'sql' || format === 'sqlite' ? undefined : table,
        create: creates,
      }
      const columns = await this.#imports.begin(`${ns}/${db}`, grant, asked)
      this.#isBegun = true
      const chunks = this.#chunks(max)
      const part = isForm ? await filePart(chunks, contentType) : { name: '', type: contentType, bytes: chunks }
      const gathered = joinChunks(part.bytes, CHUNK_BYTES)
      const first = await gathered.next()
      const start = first.done ? new Uint8Array() : first.value
      const kind = detectFormat(format, part, start, table)
      if (kind === 'sqlite') {
        const file = this.#seen(whole(start, gathered))
        const { pieces, statements, rows } = await this.#stageObject.putFile(file, max)
        await this.#imports.received(this.#id, this.#bytes, rows)
        return { id: this.#id, bytes: this.#bytes, pieces, statements }
      }
      const steps = new ImportStepBuilder()
      await this.#stageText(decoded(start, gathered), createReader(kind, table, columns, steps), steps)
      return { id: this.#id, bytes: this.#bytes, pieces: this.#pieces, statements: steps.statements }
    } catch (cause) {
      await this.#drain()
      const error = PerSQLError.from(cause)
      if (!this.#isBegun) throw error
      if (error.code === 'internal') logInternal(cause, { requestId: this.#ctx.requestId })
      const { code, details, extra } = error
      return { id: this.#id, bytes: this.#bytes, pieces: 0, statements: 0, failure: { code, details, extra } }
    } finally {
      this.digest = this.#hash.digest('hex')
    }
  }

  /** Deletes received data that wasn't applied. Call it at the end of the request. */
  async close(): Promise<void> {
    if (!this.#isBegun) return
    await Promise.allSettled([this.#imports.withdraw(this.#id), this.#stageObject.wipe()])
  }

  /** Writes text to the import stage. */
  async #stageText(
    texts: AsyncIterable<string>,
    reader: Reader & { creation?(): string | undefined },
    steps: ImportStepBuilder,
  ): Promise<void> {
    for await (const text of texts) {
      this.#turns.begin()
      for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
        reader.add(text.slice(at, at + SLICE_CHARACTERS))
        if (this.#turns.isOver) await this.#turns.next()
        await this.#put(steps, false)
      }
      await this.#imports.received(this.#id, this.#bytes, steps.rows)
      await this.#turns.next()
    }
    reader.end()
    await this.#put(steps, true)
    await this.#imports.received(this.#id, this.#bytes, steps.rows)
    const sql = reader.creation?.()
    if (sql) steps.statements++
    if (sql) await this.#stageObject.put(0, JSON.stringify([{ kind: 'sql', sql, line: 1 }]))
  }

  /** Returns the bytes as a stream that can go to another object, and reports the number of bytes on each read. */
  #seen(file: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        const { value, done } = await file.next()
        await this.#imports.received(this.#id, this.#bytes, 0)
        if (!done) controller.enqueue(value)
        else {
          controller.close()
          controller.byobRequest?.respond(0)
        }
      },
    })
  }

  async #put(steps: ImportStepBuilder, isEnd: boolean): Promise<void> {
    for (const piece of steps.take(isEnd)) {
      await this.#stageObject.put(++this.#pieces, piece)
      if (this.#turns.isOver) await this.#turns.next()
    }
  }

  get #imports() {
    const { ns, db } = this.#address
    return databaseObject(this.#ctx.env, ns, db).imports
  }

  get #stageObject() {
    const { ns, db } = this.#address
    return databaseObject(this.#ctx.env, ns, `${db}!import-${this.#id}`).stage
  }

  async *#chunks(max: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      const value = await this.#body?.read()
      if (value === undefined) return
      this.#bytes += value.length
      if (this.#bytes > max) throw tooLarge(max)
      this.#hash.update(value)
      yield value
    }
  }

  async #drain(): Promise<void> {
    try {
      for (let left = PATIENCE; left > 0; ) {
        const value = await this.#body?.read()
        if (value === undefined) return
        left -= value.length
      }
    } catch {
      // The sender disconnected or sends nothing.
    }
  }
}

async function* whole(start: Uint8Array, rest: AsyncIterable<Uint8Array>) {
  if (start.length > 0) yield start
  yield* rest
}

function createReader(
  format: Exclude<FileFormat, 'sqlite'>,
  table: string | undefined,
  columns: Column[] | undefined,
  steps: ImportStepBuilder,
) {
  switch (format) {
    case 'sql':
      return new DumpReader(steps)
    case 'csv':
    case 'ndjson': {
      if (table === undefined)
        throw new PerSQLError('invalid_input', {
          problem: `${format} is imported into one table. Set "table" to its name.`,
        })
      return format === 'csv' ? new CsvReader(steps, { table, columns }) : new NdjsonReader(steps, { table, columns })
    }
  }
}

const tooLarge = (max: number) => new PerSQLError('body_too_large', { limit: `${max / 1024 / 1024} MB` })
