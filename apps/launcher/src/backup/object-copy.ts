import { createHash } from 'node:crypto'
import { closeSync, createReadStream, existsSync, openSync, writeSync } from 'node:fs'
import { copyFile, open, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import Sqlite from 'libsql'
import { readFile } from '../object-files.ts'

/** Time stamps of files are this exact at best: a later write can leave the same one. */
const settledMs = 2_000
/** The time without a checkpoint before a copy. It is longer than the steps of the clock of time stamps. */
const quietMs = 100
const attempts = 5
/** The attempts to read files at one moment, and the pause between two. A writer can't interrupt each of them. */
const attemptsTogether = 200
const pauseMs = 5
const headerBytes = 32

/** The content of a copied file. */
export interface Content {
  readonly sha256: string
  readonly bytes: number
}

/**
 * Copies the committed state of a SQLite file that the running platform can have open. The copy has the same bytes as
 * the file after a checkpoint: the same pages, so also the same free pages, row IDs and header. Returns `undefined` if
 * the file is missing or has no pages.
 * @throws Error if SQLite can't read the file
 */
export async function copyObject(file: string, copy: string): Promise<Content | undefined> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const result = await copyWithoutLock(file, copy)
    if (result === 'missing') return undefined
    if (result === 'copied') {
      mergeLog(copy)
      return readContent(copy)
    }
    await delay(quietMs)
  }
  // The log of an earlier attempt would change the copy.
  await rm(`${copy}-wal`, { force: true })
  copyInTransaction(file, copy)
  return readContent(copy)
}

/**
 * Copies the file and its write-ahead log. While no checkpoint writes to the file, and the log isn't started again, the
 * file is constant and the log only grows. SQLite's locks aren't used: a database that is deleted while another process
 * reads it can't be created again until the read ends.
 */
async function copyWithoutLock(file: string, copy: string): Promise<'copied' | 'missing' | 'changing'> {
  const before = await readVersion(file)
  if (before === undefined) return 'missing'
  if (before.writtenMs > Date.now() - quietMs) return 'changing'
  try {
    await copyFile(file, copy)
    await rm(`${copy}-wal`, { force: true })
    if (before.hasLog) await copyFile(`${file}-wal`, `${copy}-wal`)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 'changing'
    throw cause
  }
  return (await readVersion(file))?.text === before.text ? 'copied' : 'changing'
}

/** Returns a text that changes with a checkpoint and with a restart of the log; `undefined` for a missing file. */
async function readVersion(file: string): Promise<{ text: string; hasLog: boolean; writtenMs: number } | undefined> {
  const found = await readState(file)
  if (found === undefined) return undefined
  const header = await readHeader(`${file}-wal`)
  return { text: `${found.text} ${header}`, hasLog: header !== '', writtenMs: found.writtenMs }
}

/** Reads the header of a log, which a restart changes. */
async function readHeader(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined)
  try {
    const read = await handle?.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)
    return read?.buffer.toString('hex', 0, read.bytesRead) ?? ''
  } finally {
    await handle?.close()
  }
}

/** Moves the pages of the log into the copied file. */
function mergeLog(copy: string): void {
  const sqlite = new Sqlite(copy)
  try {
    sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    sqlite.close()
  }
}

/** Copies the pages of a file that is checkpointed all the time, so it is in use, in one read transaction. */
function copyInTransaction(file: string, copy: string): void {
  readFile(file, (sqlite) => copyPages(sqlite, copy), 'shared')
}

/** A file with the path of its copy. */
export interface CopiedFile {
  readonly file: string
  readonly copy: string
}

/**
 * Copies files in use as they are at one moment. Read transactions on all files start one right after the other. They are
 * started again until `fits` accepts their content, 200 times at most. The last attempt is copied without that check.
 * @throws Error if a file is missing or SQLite can't read it
 */
export async function copyTogether(
  files: readonly CopiedFile[],
  fits: (opened: readonly Sqlite.Database[]) => boolean,
): Promise<(Content | undefined)[]> {
  for (let attempt = 1; !copyAtOnce(files, fits, attempt === attemptsTogether); attempt++) await delay(pauseMs)
  return Promise.all(files.map(({ copy }) => readContent(copy)))
}

/** Copies the files if their content fits, or if it `must`. Returns whether it did. */
function copyAtOnce(
  files: readonly CopiedFile[],
  fits: (opened: readonly Sqlite.Database[]) => boolean,
  must: boolean,
): boolean {
  const opened: Sqlite.Database[] = []
  try {
    for (const { file } of files) {
      // SQLite would create it.
      if (!existsSync(file)) throw new Sqlite.SqliteError(`${file} is missing`, 'SQLITE_CANTOPEN', 14)
      opened.push(new Sqlite(file, { readonly: true, timeout: 5_000 }))
    }
    for (const sqlite of opened) sqlite.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
    if (!must && !fits(opened)) return false
    for (const [index, sqlite] of opened.entries()) copyPages(sqlite, files[index]?.copy ?? '')
    return true
  } finally {
    for (const sqlite of opened) sqlite.close()
  }
}

function copyPages(sqlite: Sqlite.Database, copy: string): void {
  const target = openSync(copy, 'w', 0o600)
  try {
    const pages = sqlite.prepare('SELECT data FROM sqlite_dbpage').raw().iterate() as Iterable<[Buffer]>
    for (const [page] of pages) writeSync(target, page)
  } finally {
    closeSync(target)
  }
}

async function readContent(copy: string): Promise<Content | undefined> {
  const { size } = await stat(copy)
  if (size === 0) return undefined
  const digest = createHash('sha256')
  await pipeline(createReadStream(copy), digest)
  return { sha256: digest.digest('hex'), bytes: size }
}

/**
 * Returns a text that changes with every write to a SQLite file, or `undefined` if the last write was too
 * recent.
 */
export async function readSourceState(file: string): Promise<string | undefined> {
  const states = await Promise.all([readState(file), readState(`${file}-wal`)])
  const newestMs = Math.max(...states.map((state) => state?.writtenMs ?? 0))
  if (newestMs > Date.now() - settledMs) return undefined
  return states.map((state) => state?.text ?? '').join(' ')
}

async function readState(file: string): Promise<{ text: string; writtenMs: number } | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined)
  // The runtime creates an empty log when it opens a file.
  if (found === undefined || (found.size === 0n && file.endsWith('-wal'))) return undefined
  return { text: `${found.ino}:${found.size}:${found.mtimeNs}`, writtenMs: Number(found.mtimeMs) }
}
