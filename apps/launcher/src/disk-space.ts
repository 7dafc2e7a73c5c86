import { randomFillSync } from 'node:crypto'
import { rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BackgroundLoop } from './background-loop.ts'
import type { Log } from './log.ts'

const everyMs = 1_000
const postTimeoutMs = 5_000
const MB = 1024 * 1024
const maxReserveBytes = 1024 * MB
const maxBallastBytes = 16 * MB
const minStartBytes = 1 * MB

/** The room on the volume of the data folder, in bytes. */
export interface DiskSpace {
  freeBytes: number
  /** Below this, the platform refuses calls that store data. */
  reserveBytes: number
}

export interface DiskWatchOptions {
  data: string
  /** The reserve in megabytes. Default: 10% of the volume, at most 1 GB. */
  reserveMb: number | undefined
  /** Returns the URLs of the platform's processes from this machine. */
  localUrls: () => readonly string[]
  secret: string
  log: Log
}

/** Measures the room for the data folder. A reserve of 0 refuses nothing. @throws Error of the file system */
export async function measureDisk(data: string, reserveMb: number | undefined): Promise<DiskSpace> {
  const { bsize, blocks, bavail } = await statfs(data)
  const reserveBytes =
    reserveMb === undefined ? Math.min(maxReserveBytes, Math.floor((bsize * blocks) / 10)) : reserveMb * MB
  return { freeBytes: bsize * bavail, reserveBytes }
}

const ballastFile = (data: string): string => join(data, 'ballast')

/**
 * Removes the ballast of an earlier run if the disk has no room for a start. Call it before anything is written to the
 * data folder.
 */
export async function makeRoomToStart(data: string): Promise<void> {
  const { freeBytes } = await measureDisk(data, 0)
  if (freeBytes < minStartBytes) await rm(ballastFile(data), { force: true })
}

/**
 * Reports the room on the disk to the platform every second, because a Worker can't measure it. A file, the ballast, occupies
 * some of it. It is removed when other programs have filled the disk, so that reads can still open files and be billed.
 */
export class DiskWatch {
  readonly #options: DiskWatchOptions
  readonly #loop: BackgroundLoop
  #status: 'ok' | 'low' | undefined
  /** The URLs of processes whose last report failed, and the data folder if its disk can't be measured. */
  readonly #failing = new Set<string>()
  #ballastBytes: number | undefined

  constructor(options: DiskWatchOptions) {
    this.#options = options
    const onError = (cause: unknown): void => this.#logFailure(options.data, cause)
    this.#loop = new BackgroundLoop({ everyMs, work: () => this.report(), onError })
  }

  /** Reports once, then continues in the background. */
  async start(): Promise<void> {
    await this.report()
    this.#loop.start()
  }

  /** Ends the reports. */
  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** Measures the disk and reports it. Call it too when the platform's process was replaced. A failure is logged. */
  async report(): Promise<void> {
    const { data, reserveMb, localUrls } = this.#options
    let space: DiskSpace
    try {
      space = await this.#balance(await measureDisk(data, reserveMb))
    } catch (cause) {
      return this.#logFailure(data, cause)
    }
    this.#failing.delete(data)
    this.#logChange(space)
    await Promise.all(localUrls().map((url) => this.#send(url, space)))
  }

  async #send(localUrl: string, space: DiskSpace): Promise<void> {
    const { secret } = this.#options
    try {
      const response = await fetch(`${localUrl}/api/launcher/disk`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(space),
        signal: AbortSignal.any([this.#loop.signal, AbortSignal.timeout(postTimeoutMs)]),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
      await response.arrayBuffer()
      this.#failing.delete(localUrl)
    } catch (cause) {
      if (this.#loop.signal.aborted) return
      this.#logFailure(localUrl, cause)
    }
  }

  /** Logs the first of several failures, because a process that is restarting fails each report. */
  #logFailure(place: string, cause: unknown): void {
    if (!this.#failing.has(place)) this.#options.log('error', 'disk_not_reported', { reason: String(cause) })
    this.#failing.add(place)
  }

  /** Removes the ballast on a full disk, or writes it while there is room. Returns the room after that. */
  async #balance(space: DiskSpace): Promise<DiskSpace> {
    const { data, reserveMb, log } = this.#options
    const { freeBytes, reserveBytes } = space
    const file = ballastFile(data)
    const bytes = Math.min(maxBallastBytes, Math.floor(reserveBytes / 2))
    this.#ballastBytes ??= await stat(file).then(
      ({ size }) => size,
      () => 0,
    )
    if (this.#ballastBytes > 0 && freeBytes < bytes) {
      await rm(file, { force: true })
      this.#ballastBytes = 0
      log('error', 'disk_full', { freeBytes, reserveBytes })
      return measureDisk(data, reserveMb)
    }
    if (this.#ballastBytes < bytes && freeBytes - bytes >= reserveBytes) {
      // File systems that compress would store zeros in no room.
      await writeFile(file, randomFillSync(Buffer.alloc(bytes)), { mode: 0o600 })
      this.#ballastBytes = bytes
      return measureDisk(data, reserveMb)
    }
    return space
  }

  #logChange({ freeBytes, reserveBytes }: DiskSpace): void {
    const status = freeBytes < reserveBytes ? 'low' : 'ok'
    if (status === this.#status) return
    if (status === 'low') this.#options.log('error', 'disk_low', { freeBytes, reserveBytes })
    else if (this.#status !== undefined) this.#options.log('info', 'disk_ok', { freeBytes, reserveBytes })
    this.#status = status
  }
}
