import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContext, type BrowserServer, chromium, type Page } from 'playwright-core'

/** Debian's Chromium, and the same engine without a user interface, which starts tabs with less work. */
const CHROMIUM = '/usr/bin/chromium'
const SHELL = '/usr/bin/chromium-headless-shell'

/**
 * Features that are off. Chromium uses only the last list of its arguments, so this one repeats that of Playwright. The
 * first three are menus of the address bar: for each new tab, Chromium would load two pages for them.
 */
const DISABLED_FEATURES = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup'],
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'LensOverlay'],
  ...['HttpsFirstBalancedModeAutoEnable', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning'],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled'],
  ...['PreconnectToSearch'],
]

/** Time limits for a busy machine. */
const START_MS = 180_000
const STEP_MS = 60_000

/** Opens a page in this context, or in one of its own. */
export async function openPage(browser: Browser | BrowserContext): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(STEP_MS)
  return page
}

/** Starts a browser for tests. @throws Error with instructions if none is installed */
export function startBrowser(): Promise<Browser> {
  return chromium.launch(options(SHELL, CHROMIUM))
}

/** Starts the browser of users, for measurements and pictures. @throws Error with instructions if none is installed */
export function startUserBrowser(): Promise<Browser> {
  return chromium.launch(options(CHROMIUM, SHELL))
}

/** Starts a browser for several clients. @throws Error with instructions if none is installed */
export function startBrowserServer(): Promise<BrowserServer> {
  return chromium.launchServer(options(SHELL, CHROMIUM))
}

/** Returns the options for the first of these programs that is installed. */
function options(...programs: string[]) {
  const executablePath = programs.find((path) => existsSync(path))
  if (executablePath === undefined) {
    throw new Error('Browser tests need Chromium: apt-get install chromium-headless-shell')
  }
  const args = ['--no-sandbox', '--disable-dev-shm-usage', `--disable-features=${DISABLED_FEATURES}`]
  return { executablePath, args, timeout: START_MS }
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
