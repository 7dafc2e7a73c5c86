import { quoteName } from '../identifiers.ts'
import type { Page } from '../rows.ts'
import { filled, filling } from '../rows.ts'
import type { SchemaText } from '../schema.ts'
import type { Chunks } from './chunks.ts'
import { Sqlite } from './wasm-sqlite.ts'

/** A new file needs no recovery, and no one else opens it. */
const SETTINGS = `
  PRAGMA page_size = 4096;
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -4000;
  PRAGMA temp_store = FILE;
  PRAGMA foreign_keys = OFF;
`
/** `SQLITE_DBCONFIG_DQS_DDL` and `…_DML`: the source schema can use "x" as a string. */
const DOUBLE_QUOTED = [1013, 1014]

/** Writes a file step by step. Returns its size at the end. @throws SqliteError */
export async function* write(
  module: WebAssembly.Module,
  chunks: Chunks,
  schema: SchemaText,
  pages: Iterable<Page>,
  pause: () => Promise<void>,
): AsyncGenerator<void, number> {
  const sqlite = new Sqlite(module, chunks, pause)
  await sqlite.open(false)
  for (const option of DOUBLE_QUOTED) sqlite.configure(option, true)
  await sqlite.exec(SETTINGS)
  await sqlite.exec('BEGIN')
  for (const { sql } of schema.tables) await sqlite.exec(sql)
  for (const { statements } of pages) {
    for (const { sql } of statements) await sqlite.exec(sql)
    await pause()
    yield
  }
  for (const { sql } of schema.others) {
    await sqlite.exec(sql)
    yield
  }
  for (const name of filled(schema)) {
    if (await canBeRead(sqlite, name)) await sqlite.exec(filling(name))
    yield
  }
  await sqlite.exec('COMMIT')
  await sqlite.close()
  sqlite.file.flush()
  return sqlite.file.size
}

/**
 * Returns whether the content of a full-text table can be read. Check this first, because this file has no journal to
 * roll back a failed statement.
 */
async function canBeRead(sqlite: Sqlite, name: string): Promise<boolean> {
  try {
    await sqlite.exec(`SELECT * FROM ${quoteName(name)} LIMIT 1`)
    return true
  } catch {
    return false
  }
}
