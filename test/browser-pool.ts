import type { BrowserServer } from 'playwright-core'
import { startBrowserServer } from './browser.ts'

/** Browser processes that test files share, one per worker of Vitest. A file uses contexts of its own. */
export class BrowserPool {
  readonly #servers = new Map<string, Promise<BrowserServer>>()

  /** Returns the URL of a worker's browser for Playwright. It starts at the first call, and again after a crash. */
  async acquire(worker: string): Promise<string> {
    const starting = this.#servers.get(worker) ?? this.#start(worker)
    this.#servers.set(worker, starting)
    return (await starting).wsEndpoint()
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(async (server) => (await server).close()))
  }

  async #start(worker: string): Promise<BrowserServer> {
    const server = await startBrowserServer()
    server.once('close', () => this.#servers.delete(worker))
    return server
  }
}
