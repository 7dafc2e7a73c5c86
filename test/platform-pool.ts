import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
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

/** Platforms that test files share, one per worker of Vitest, so that no two files use one at the same time. */
export interface PlatformPool {
  /** Responds to `POST /<worker>` with `SharedAccess`, and to `DELETE /<worker>` with the `SharedLogs` since then. */
  url: string
  /** Stops all platforms. The next file gets a new one. */
  reset(): Promise<void>
  stop(): Promise<void>
}

interface Slot {
  platform: TestPlatform
  requestsBefore: number
  stderrBefore: number
}

/** Opens an empty pool. A platform starts at the first request of a worker. */
export async function openPlatformPool(): Promise<PlatformPool> {
  const slots = new Map<string, Slot>()

  const acquire = async (worker: string): Promise<SharedAccess> => {
    const running = slots.get(worker)?.platform
    const platform = running && isAlive(running) ? running : await startPlatform()
    const requestsBefore = (await platform.readRequestLog()).length
    slots.set(worker, { platform, requestsBefore, stderrBefore: platform.stderr.length })
    return { url: platform.url, secret: platform.secret }
  }

  const release = async (worker: string): Promise<SharedLogs> => {
    const slot = slots.get(worker)
    if (slot === undefined) throw new Error(`Worker ${worker} has no platform.`)
    const requests = await readCompleteLog(slot.platform)
    return { requests: requests.slice(slot.requestsBefore), stderr: slot.platform.stderr.slice(slot.stderrBefore) }
  }

  const reset = async (): Promise<void> => {
    const platforms = [...slots.values()].map(({ platform }) => platform)
    slots.clear()
    await Promise.all(platforms.map((platform) => platform.discard()))
  }

  const server = createServer(async (request, response) => {
    const worker = (request.url ?? '').slice(1)
    try {
      response.end(JSON.stringify(await (request.method === 'DELETE' ? release(worker) : acquire(worker))))
    } catch (cause) {
      response.writeHead(500).end(String(cause))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await reset()
    },
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
