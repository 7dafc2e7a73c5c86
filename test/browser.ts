import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserServer, chromium } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Starts Debian's Chromium. @throws Error with instructions if it is not installed */
export function startBrowser(): Promise<Browser> {
  return chromium.launch(options())
}

/** Starts Debian's Chromium for several clients. @throws Error with instructions if it is not installed */
export function startBrowserServer(): Promise<BrowserServer> {
  return chromium.launchServer(options())
}

function options() {
  try {
    accessSync(executablePath, constants.X_OK)
  } catch (cause) {
    throw new Error('Browser tests need Chromium: apt-get install chromium', { cause })
  }
  return { executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] }
}

/** Starts a site with its own origin and one empty page. */
export async function startSite() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' })
    response.end('<!doctype html><title>A site</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
