import { PerSQLError } from '@persql/contract'
import { type Page, pagesOf, rebuilds } from '../rows.ts'
import { readSchemaText } from '../schema.ts'
import { quoteName } from '../tokenizer.ts'
import type { Chunks } from './chunks.ts'
import type { ChunkedFile } from './file.ts'
import { HEADER_BYTES, LOG_MARK, problemOf } from './header.ts'
import { checkSchema, disableUnsafeFeatures } from './validate-schema.ts'
import { decodeLeniently, Sqlite, SqliteError } from './wasm-sqlite.ts'

/** Rows that are held at once; the last one may go beyond. */
const MAX_BYTES = 4_000_000

/** How a file is read. */
export interface SqliteFileContent {
  readonly module: WebAssembly.Module
  /** Where the file lies while it is read: empty, and nobody else's. */
  readonly chunks: Chunks
  readonly maxBytes: number
  /** Called every now and then: lets others have their turn. */
  readonly pause: () => Promise<void>
  /** Says every value in SQL, however long; otherwise values too long for a statement are bound. */
  readonly asText?: boolean
}

/**
 * What a SQLite file holds, as the statements that make it: tables, their rows, then indexes, views and triggers. The
 * file is read whole and checked before the first of them. Nothing of its schema is run here, and whoever runs the
 * statements has to treat them as what they are: sent by somebody.
 * @throws PerSQLError `sqlite_file_refused`, `body_too_large` or `copy_impossible`
 */
export async function* readSqliteFile(
  upload: AsyncIterable<Uint8Array>,
  { module, chunks, maxBytes, pause, asText = false }: SqliteFileContent,
): AsyncGenerator<Page['statements'][number], void> {
  const sqlite = new Sqlite(module, chunks)
  try {
    await stage(upload, sqlite.file, maxBytes)
    await check(new Sqlite(module, chunks, pause), sqlite.file)
    await sqlite.open(true)
    await disableUnsafeFeatures(sqlite)
    const schema = readSchemaText((sql, ...params) => sqlite.read(sql, params).rows)
    checkSchema(schema)
    for (const { sql } of schema.tables) yield plain(sql)
    for (const { statements } of pagesOf(
      (sql, ...params) => ({ ...sqlite.read(sql, params, MAX_BYTES, decodeLeniently), rowsRead: 0 }),
      schema,
      asText,
    )) {
      yield* statements
      await pause()
    }
    for (const { sql } of schema.others) yield plain(sql)
    for (const sql of rebuilds(schema)) yield plain(sql)
  } catch (cause) {
    throw refusal(cause)
  } finally {
    await sqlite.close()
    sqlite.file.truncate(0)
  }
}

const plain = (sql: string): Page['statements'][number] => ({ sql, params: [] })

/** Puts a file down, as if it had no write-ahead log: what is in one was not sent. */
async function stage(upload: AsyncIterable<Uint8Array>, file: ChunkedFile, maxBytes: number): Promise<void> {
  for await (const bytes of upload) {
    if (file.size + bytes.length > maxBytes)
      throw new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
    file.write(file.size, bytes)
  }
  const header = new Uint8Array(HEADER_BYTES)
  const length = file.read(0, header)
  const problem = problemOf(header.subarray(0, length), file.size)
  if (problem) throw new PerSQLError('sqlite_file_refused', { problem })
  file.write(LOG_MARK.at, LOG_MARK.none)
}

/** Checks everything with pages of its own, the tables in which virtual ones keep theirs too. */
async function check(sqlite: Sqlite, file: ChunkedFile): Promise<void> {
  sqlite.file = file
  await sqlite.open(true)
  await disableUnsafeFeatures(sqlite)
  const [names] = (await sqlite.first(
    "SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0",
  )) as [string]
  for (const name of ['sqlite_schema', ...(JSON.parse(names) as string[])]) {
    const found = String((await sqlite.first(`PRAGMA quick_check(${quoteName(name)})`))?.[0])
    if (found !== 'ok') {
      throw new PerSQLError('sqlite_file_refused', { problem: `The file is corrupt: ${found.slice(0, 300)}.` })
    }
  }
  await sqlite.close()
}

function refusal(cause: unknown): unknown {
  if (!(cause instanceof SqliteError)) return cause
  return new PerSQLError('sqlite_file_refused', { problem: `SQLite error: ${cause.message.slice(0, 300)}.` }, { cause })
}
