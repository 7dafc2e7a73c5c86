import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { PlatformClient } from '../harness.ts'
import { sharedBrowser } from '../shared-browser.ts'
import { sharedPlatform } from '../shared-platform.ts'
import { openTab, type Tab, type TabOptions, type Visit, type VisitOptions, visit } from './visit.ts'

type Platform = PlatformClient & { stop(): Promise<void> }

/** A platform and a browser for the tests of one file. They exist from the first `beforeAll` on. */
export interface ConsoleTests {
  readonly platform: Platform
  readonly browser: Browser
  /** Creates an account and opens an empty page as its user. */
  visit(options?: VisitOptions): Promise<Visit>
  /** Opens an empty page without a signed-in user. */
  openTab(options?: TabOptions): Promise<Tab>
}

/**
 * Opens a platform and a browser before the tests of this file and closes them after the tests. The browser process,
 * and by default the platform, are shared with other files.
 */
export function useConsole(start: () => Promise<Platform> = sharedPlatform): ConsoleTests {
  let platform: Platform
  let browser: Browser
  beforeAll(async () => {
    ;[platform, browser] = await Promise.all([start(), sharedBrowser()])
  })
  afterAll(async () => {
    await browser?.close()
    await platform?.stop()
  })
  return {
    get platform() {
      return platform
    },
    get browser() {
      return browser
    },
    visit: (options) => visit(browser, platform, options),
    openTab: (options) => openTab(browser, platform, options),
  }
}
