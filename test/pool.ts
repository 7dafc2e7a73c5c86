import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BrowserPool } from './browser-pool.ts'
import { BuildPool } from './build-pool.ts'
import { PlatformPool } from './platform-pool.ts'

/** Processes that test files share, for calls from the workers of Vitest. */
export interface Pool {
  /**
   * Responds with JSON to `POST /platform/<worker>`, `DELETE /platform/<worker>`, `POST /browser/<worker>` and requests for
   * builds.
   */
  url: string
  /** Stops all platforms and removes all builds. The next file gets new ones. */
  reset(): Promise<void>
  stop(): Promise<void>
}

/** Opens an empty pool. Processes start at the first request of a worker. */
export async function openPool(): Promise<Pool> {
  const platforms = new PlatformPool()
  const browsers = new BrowserPool()
  const builds = new BuildPool()
  const routes: Record<string, (worker: string) => Promise<unknown>> = {
    'POST /platform': (worker) => platforms.acquire(worker),
    'DELETE /platform': (worker) => platforms.release(worker),
    'POST /browser': (worker) => browsers.acquire(worker),
    'POST /cli': () => builds.cli(),
    'POST /docs': () => builds.docs(),
    'POST /server-package': () => builds.serverPackage(),
    'POST /server-app': () => builds.serverApp(),
  }
  const server = createServer(async ({ method, url = '' }, response) => {
    const [, resource, worker = ''] = url.split('/')
    try {
      const route = routes[`${method} /${resource}`]
      if (route === undefined) throw new Error(`Unknown route: ${method} ${url}`)
      response.end(JSON.stringify(await route(worker)))
    } catch (cause) {
      response.writeHead(500).end(String(cause))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const reset = async () => void (await Promise.all([platforms.reset(), builds.reset()]))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await Promise.all([reset(), browsers.stop()])
    },
  }
}
