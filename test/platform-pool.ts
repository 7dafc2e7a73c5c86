import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { builtPackages } from '../apps/launcher/src/paths.ts'
import { packagesFolder } from '../apps/launcher/src/workerd-process.ts'
import { offerPackages } from '../packages/offer.mjs'
import { startPlatform, type TestPlatform } from './harness.ts'

/** The platform that a test file shares with others. */
export interface SharedAccess {
  url: string
  secret: string
}

/** The logs of a shared platform since a test file requested it. */
export interface SharedLogs {
  /** The request log, one line of JSON per request. */
  requests: string[]
  /** Lines that workerd wrote to stderr. */
  stderr: string[]
}

interface Slot {
  platform: TestPlatform
  requestsBefore: number
  stderrBefore: number
}

/** A platform accepts 60 sign-ups in each minute. */
const SIGN_UPS = 30

/** Platforms that test files share, one per worker of Vitest, so that no two files use one at the same time. */
export class PlatformPool {
  readonly #slots = new Map<string, Slot>()

  /** Returns the platform of a worker. It starts at the first call, and again when it ended or had many sign-ups. */
  async acquire(worker: string): Promise<SharedAccess> {
    const platform = await this.#usable(worker)
    const requestsBefore = (await platform.readRequestLog()).length
    this.#slots.set(worker, { platform, requestsBefore, stderrBefore: platform.stderr.length })
    return { url: platform.url, secret: platform.secret }
  }

  /** Returns the logs since `acquire`. */
  async release(worker: string): Promise<SharedLogs> {
    const slot = this.#slots.get(worker)
    if (slot === undefined) throw new Error(`Worker ${worker} has no platform.`)
    const requests = await readCompleteLog(slot.platform)
    return { requests: requests.slice(slot.requestsBefore), stderr: slot.platform.stderr.slice(slot.stderrBefore) }
  }

  /** Stops all platforms. The next file gets a new one. */
  async reset(): Promise<void> {
    const platforms = [...this.#slots.values()].map(({ platform }) => platform)
    this.#slots.clear()
    await Promise.all(platforms.map((platform) => platform.discard()))
  }

  async #usable(worker: string): Promise<TestPlatform> {
    const platform = this.#slots.get(worker)?.platform
    if (platform && isAlive(platform)) {
      const requests = await platform.readRequestLog()
      if (requests.filter((line) => /\/sign-?up/.test(line)).length < SIGN_UPS) return platform
      await platform.discard()
    }
    const started = await startPlatform({ readers: 2 })
    await offerPackages(packagesFolder(started.data), builtPackages)
    return started
  }
}

function isAlive(platform: TestPlatform): boolean {
  try {
    return process.kill(platform.pid(), 0)
  } catch {
    return false
  }
}

/** The Worker writes its log in batches, so a request with a unique path marks the end. */
async function readCompleteLog(platform: TestPlatform): Promise<string[]> {
  const path = `/v1/end-of-file-${randomUUID()}`
  await platform.request(path)
  while (isAlive(platform)) {
    const lines = await platform.readRequestLog()
    if (lines.some((line) => line.includes(path))) return lines.filter((line) => !line.includes('/v1/end-of-file-'))
    await delay(10)
  }
  throw new Error('The shared platform ended while a test file used it.')
}
