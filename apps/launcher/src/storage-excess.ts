import { open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { measureDisk } from './disk-space.ts'
import type { RunningStatement } from './running-statements.ts'

const everyMs = 250
/** A statement is measured when it is complete. Until then, it can exceed its quota by this much. */
const toleranceBytes = 64 * 1024 * 1024
const pageBytes = 4_096
const logHeaderBytes = 32
const frameHeaderBytes = 24
const frameBytes = frameHeaderBytes + pageBytes
/** The frames of a write-ahead log that are read at a time. */
const sampledFrames = 64

/** A statement that needs more room than its database or the disk has. */
export interface StorageExcess {
  reason: 'quota' | 'disk'
  statement: RunningStatement
  /** The time for which it ran. */
  seconds: number
}

export interface StorageExcessOptions {
  data: string
  /** The folder of the databases' files. */
  folder: string
  /** The process that runs the statements. */
  pid: number
  reserveMb: number | undefined
  statements: { readonly current: RunningStatement | undefined }
}

/**
 * Resolves when the running statement exceeds the quota of its database by more than a tolerance, or when it took most of
 * the room on a disk that has less than its reserve. Resolves with `undefined` when `signal` aborts.
 */
export async function waitForStorageExcess(
  options: StorageExcessOptions,
  signal: AbortSignal,
): Promise<StorageExcess | undefined> {
  let watched: WatchedStatement | undefined
  while (!signal.aborted) {
    const statement = options.statements.current
    if (statement?.id !== watched?.id) watched = statement && new WatchedStatement(statement, options)
    const reason = await watched?.look().catch(() => undefined)
    const isRunning = watched?.id === options.statements.current?.id
    if (watched && reason && isRunning) return { reason, statement: watched.statement, seconds: watched.seconds }
    await delay(everyMs, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/** The files of a database while a statement of it runs. */
class WatchedStatement {
  readonly statement: RunningStatement
  readonly #options: StorageExcessOptions
  readonly #log: string
  readonly #startedMs = performance.now()
  /** The sizes of the log and the file at the first look. Only later frames are certainly the statement's. */
  #first: { logBytes: number; fileBytes: number } | undefined
  #readBytes = 0
  #highestPage = 0

  constructor(statement: RunningStatement, options: StorageExcessOptions) {
    this.statement = statement
    this.#options = options
    this.#log = join(options.folder, `${statement.storage.file}.sqlite-wal`)
  }

  get id(): number {
    return this.statement.id
  }

  get seconds(): number {
    return Math.ceil((performance.now() - this.#startedMs) / 1_000)
  }

  /** Measures the statement. Returns what it exceeds, if anything. */
  async look(): Promise<StorageExcess['reason'] | undefined> {
    const logBytes = await getSize(this.#log)
    if (this.#first === undefined) {
      this.#first = { logBytes, fileBytes: await getSize(this.#log.slice(0, -'-wal'.length)) }
      this.#readBytes = logBytes
      return undefined
    }
    return (await this.#exceedsQuota(logBytes, this.#first))
      ? 'quota'
      : (await this.#fillsDisk(logBytes - this.#first.logBytes))
        ? 'disk'
        : undefined
  }

  /** The number of a page is at most the number of pages that the file needs. */
  async #exceedsQuota(logBytes: number, first: { logBytes: number; fileBytes: number }): Promise<boolean> {
    const { limit } = this.statement.storage
    if (limit === undefined || logBytes <= this.#readBytes) return false
    this.#highestPage = Math.max(this.#highestPage, await readHighestPage(this.#log, this.#readBytes, logBytes))
    this.#readBytes = logBytes
    // The file can have free pages, which aren't stored bytes, and pages that are still in the log only.
    const allowedBytes = Math.max(limit.maxFileBytes, first.fileBytes + first.logBytes) + toleranceBytes
    return this.#highestPage * pageBytes > allowedBytes
  }

  /** To end a statement ends other calls too, so it must make as much room as is left. */
  async #fillsDisk(logBytes: number): Promise<boolean> {
    const { data, reserveMb, pid } = this.#options
    const { freeBytes, reserveBytes } = await measureDisk(data, reserveMb)
    const leastBytes = this.statement.storage.hasRoom ? reserveBytes : reserveBytes / 10
    if (freeBytes >= leastBytes) return false
    return logBytes > freeBytes || logBytes + (await readTemporaryBytes(pid, join(data, 'tmp'))) > freeBytes
  }
}

const getSize = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/** Returns the highest page number of some frames between two positions of a write-ahead log. */
export async function readHighestPage(log: string, fromBytes: number, toBytes: number): Promise<number> {
  const first = Math.ceil(Math.max(0, fromBytes - logHeaderBytes) / frameBytes)
  const count = Math.floor((toBytes - logHeaderBytes) / frameBytes) - first
  const file = await open(log)
  try {
    const header = Buffer.alloc(frameHeaderBytes)
    let highest = 0
    const sampled = Math.min(count, sampledFrames)
    for (let i = 1; i <= sampled; i++) {
      const frame = first + Math.floor((i * count) / sampled) - 1
      const { bytesRead } = await file.read(header, 0, frameHeaderBytes, logHeaderBytes + frame * frameBytes)
      if (bytesRead === frameHeaderBytes) highest = Math.max(highest, header.readUInt32BE(0))
    }
    return highest
  } finally {
    await file.close()
  }
}

/** Returns the size of the temporary files of a process. SQLite unlinks them immediately, so only Linux lists them. */
async function readTemporaryBytes(pid: number, folder: string): Promise<number> {
  const descriptors = `/proc/${pid}/fd`
  const prefix = `${await realpath(folder)}/`
  let bytes = 0
  for (const name of await readdir(descriptors).catch(() => [])) {
    const descriptor = join(descriptors, name)
    const target = await readlink(descriptor).catch(() => '')
    // Large results of readers are in folders below.
    if (target.startsWith(prefix) && !target.includes('/', prefix.length)) bytes += await getSize(descriptor)
  }
  return bytes
}
