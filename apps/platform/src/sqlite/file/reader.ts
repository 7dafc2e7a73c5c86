import { PerSQLError } from '@persql/contract'
import { quoteName } from '../identifiers.ts'
import { type Page, readPages, rebuilds } from '../rows.ts'
import { readSchemaText } from '../schema.ts'
import type { Chunks } from './chunks.ts'
import type { ChunkedFile } from './file.ts'
import { findHeaderProblem, HEADER_BYTES, LOG_MARK } from './header.ts'
import { checkSchema, disableUnsafeFeatures } from './validate-schema.ts'
import { decodeLeniently, Sqlite, SqliteError } from './wasm-sqlite.ts'

/** The size of the rows in memory. The last row can exceed it. */
const MAX_BYTES = 4_000_000

/** The options for reading a file. */
export interface SqliteFileContent {
  readonly module: WebAssembly.Module
  /** Storage for the file during the read: empty, and not shared. */
  readonly chunks: Chunks
  readonly maxBytes: number
  /** Called regularly, so that other calls can run. */
  readonly pause: () => Promise<void>
  /** Writes every value as SQL, even if it is long. By default, values that are too long for a statement are bound. */
  readonly asText?: boolean
}

/**
 * Reads a SQLite file as the statements that create its contents: tables, their rows, then indexes, views and triggers.
 * The whole file is received and checked first. Nothing of its schema runs here. Statements are untrusted input, and
 * their caller has to treat them as such.
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
    for (const { statements } of readPages(
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

/** Stores the file, and marks it as one without a write-ahead log, because the log isn't part of the upload. */
async function stage(upload: AsyncIterable<Uint8Array>, file: ChunkedFile, maxBytes: number): Promise<void> {
  for await (const bytes of upload) {
    if (file.size + bytes.length > maxBytes)
      throw new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
    file.write(file.size, bytes)
  }
  const header = new Uint8Array(HEADER_BYTES)
  const length = file.read(0, header)
  const problem = findHeaderProblem(header.subarray(0, length), file.size)
  if (problem) throw new PerSQLError('sqlite_file_refused', { problem })
  file.write(LOG_MARK.at, LOG_MARK.none)
}

/** Checks all tables that have pages, including the shadow tables of virtual tables. */
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
