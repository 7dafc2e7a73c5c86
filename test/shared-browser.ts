import { type Browser, chromium } from 'playwright-core'
import { askPool } from './pool-client.ts'

/**
 * Connects to a browser process that other test files use before and after this one. `close` disconnects and closes
 * the contexts of this file.
 */
export async function sharedBrowser(): Promise<Browser> {
  return chromium.connect(await askPool<string>('POST', 'browser'))
}
