import { randomBytes } from 'node:crypto'
import { assertNoFailures, PlatformClient } from './harness.ts'
import type { SharedAccess, SharedLogs } from './platform-pool.ts'
import { askPool } from './pool-client.ts'

/**
 * Returns a platform with the default settings that other test files have used before. It is for files that use only
 * their own namespaces and accounts, with names from `uniqueName`. Files that change settings, kill the process, read
 * the data folder or count over the whole instance call `startPlatform` instead.
 */
export async function sharedPlatform(options: { failures?: readonly string[] } = {}): Promise<SharedPlatform> {
  const { url, secret } = await askPool<SharedAccess>('POST', 'platform')
  return new SharedPlatform(url, secret, options.failures ?? [])
}

/** Returns a name that no other test file uses. */
export function uniqueName(prefix = 'ns'): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`
}

/** A platform shared with other test files, one after the other. */
export class SharedPlatform extends PlatformClient {
  readonly url: string
  readonly secret: string
  readonly #failures: readonly string[]

  constructor(url: string, secret: string, failures: readonly string[]) {
    super()
    this.url = url
    this.secret = secret
    this.#failures = failures
  }

  /** Ends the use by this file. @throws Error if a response was an unexpected 5xx or an internal error was logged */
  async stop(): Promise<void> {
    const { requests, stderr } = await askPool<SharedLogs>('DELETE', 'platform')
    assertNoFailures(requests, this.#failures)
    const errors = stderr.filter((line) => line.includes('"event":"internal_error"'))
    if (errors.length > 0) throw new Error(`Internal errors:\n${errors.join('\n')}`)
  }
}
