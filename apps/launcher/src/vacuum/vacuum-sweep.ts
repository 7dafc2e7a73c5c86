import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BackgroundLoop } from '../background-loop.ts'
import type { Log } from '../log.ts'
import { readIdentity } from '../object-files.ts'
import { objectsFolder } from '../workerd-process.ts'
import { isWorthwhile } from './vacuum-file.ts'

/** From these free pages on, a file gets a VACUUM: bytes, and the share of the file. */
export const worthwhile = { minFreeBytes: 16_000_000, minFreeShare: 0.25 }

const hourMs = 60 * 60 * 1000
const everyMs = hourMs / 2
const idleMs = 60 * 1000
/** The time after which a database that is always in use gets its VACUUM between two calls. */
const patienceMs = 12 * hourMs
/** The time after which a VACUUM that failed, or that is too large, is tried again. */
const retryMs = 20 * hourMs
const requestTimeoutMs = 60_000
/** The part of a file's header that is read: page size, free pages. */
const headerBytes = 40

export interface VacuumSweepOptions {
  readonly data: string
  /** Returns the URLs of the cells from this machine. */
  readonly localUrls: () => readonly string[]
  readonly secret: string
  readonly log: Log
  /** For tests: the time between two sweeps, the time without a write, and the time after which that isn't needed. */
  readonly everyMs?: number
  readonly idleMs?: number
  readonly patienceMs?: number
}

/** The response of the platform to a request for a VACUUM. */
export type VacuumAnswer = { readonly freedBytes: number } | { readonly skipped: string } | { readonly failed: string }

interface Candidate {
  readonly sinceMs: number
  notBeforeMs: number
}

/**
 * Finds the files of databases with many free pages, and asks the platform for a VACUUM of each while its database is
 * idle. A file is written at least once a second while its database is called, because the usage is saved.
 */
export class VacuumSweep {
  readonly #options: VacuumSweepOptions
  readonly #loop: BackgroundLoop
  /** The files with many free pages. */
  readonly #candidates = new Map<string, Candidate>()

  constructor(options: VacuumSweepOptions) {
    this.#options = options
    this.#loop = new BackgroundLoop({
      everyMs: options.everyMs ?? everyMs,
      work: () => this.#sweepAll(),
      onError: (cause) => options.log('error', 'files_not_examined', { reason: String(cause) }),
    })
  }

  /** Starts the sweeps in the background. */
  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #sweepAll(): Promise<void> {
    for (const [cell, url] of this.#options.localUrls().entries()) await this.#sweep(cell, url)
  }

  async #sweep(cell: number, url: string): Promise<void> {
    const folder = join(objectsFolder(this.#options.data, cell), 'database')
    const names = await readdir(folder).catch(() => [])
    for (const name of names) {
      if (this.#loop.signal.aborted) return
      if (name.endsWith('.sqlite')) await this.#visit(join(folder, name), url)
    }
  }

  async #visit(file: string, url: string): Promise<void> {
    const nowMs = Date.now()
    const writtenMs = await findWriteMs(file).catch(() => undefined)
    if (writtenMs === undefined) {
      this.#candidates.delete(file)
      return
    }
    const candidate = this.#candidates.get(file) ?? { sinceMs: nowMs, notBeforeMs: 0 }
    this.#candidates.set(file, candidate)
    const isUrgent = nowMs - candidate.sinceMs > (this.#options.patienceMs ?? patienceMs)
    const isIdle = nowMs - writtenMs >= (this.#options.idleMs ?? idleMs)
    if (nowMs < candidate.notBeforeMs || !(isIdle || isUrgent)) return
    const identity = readIdentity(file, 'shared')
    // Snapshots and imports have none, and are deleted as a whole.
    if (identity === undefined) return
    const database = `${identity.namespace}/${identity.slug}`
    const outcome = await this.#request(url, { database, id: identity.id, isUrgent, ...worthwhile })
    if ('freedBytes' in outcome) {
      this.#candidates.delete(file)
      this.#options.log('info', 'file_vacuumed', { database, freedBytes: outcome.freedBytes })
    } else if ('failed' in outcome) {
      candidate.notBeforeMs = nowMs + retryMs
      this.#options.log('error', 'vacuum_failed', { database, reason: outcome.failed })
    } else if (outcome.skipped === 'too_large') candidate.notBeforeMs = nowMs + retryMs
  }

  async #request(url: string, body: object): Promise<VacuumAnswer> {
    try {
      const response = await fetch(`${url}/api/launcher/vacuum`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#options.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([this.#loop.signal, AbortSignal.timeout(requestTimeoutMs)]),
      })
      const text = await response.text()
      if (!response.ok) return { failed: `${response.status} ${text}` }
      return (JSON.parse(text) as { data: VacuumAnswer }).data
    } catch (cause) {
      if (this.#loop.signal.aborted) return { skipped: 'stopping' }
      return { failed: String(cause) }
    }
  }
}

/** Returns the time of the last write to a file with many free pages; `undefined` for other files. */
async function findWriteMs(file: string): Promise<number | undefined> {
  const { size, mtimeMs } = await stat(file)
  if (size < worthwhile.minFreeBytes || !(await hasFreePages(file, size))) return undefined
  const log = await stat(`${file}-wal`).catch(() => undefined)
  return Math.max(mtimeMs, log?.mtimeMs ?? 0)
}

/** Reads the free pages in the header of a file, which can be some writes old. */
async function hasFreePages(file: string, size: number): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)
    if (bytesRead < headerBytes) return false
    // The largest page doesn't fit in two bytes, so its size is stored as 1.
    const pageSize = buffer.readUInt16BE(16) === 1 ? 65_536 : buffer.readUInt16BE(16)
    return isWorthwhile(buffer.readUInt32BE(36) * pageSize, size, worthwhile)
  } finally {
    await handle.close()
  }
}
