import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { assertNoFailures, PlatformClient } from './harness.ts'
import type { SharedAccess, SharedLogs } from './platform-pool.ts'

/**
 * Returns a platform that runs with the default settings and has served other test files before. For files that look only
 * at namespaces and accounts of their own: every name comes from `uniqueName`. Files that set something, kill the process,
 * read the data folder or count what the whole instance has call `startPlatform` instead.
 */
export async function sharedPlatform(options: { failures?: readonly string[] } = {}): Promise<SharedPlatform> {
  const { url, secret } = await askPool<SharedAccess>('POST')
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

  /** Ends the file's use. @throws when a request of this file was answered by an unexpected 5xx, or failed inside */
  async stop(): Promise<void> {
    const { requests, stderr } = await askPool<SharedLogs>('DELETE')
    assertNoFailures(requests, this.#failures)
    const errors = stderr.filter((line) => line.includes('"event":"internal_error"'))
    if (errors.length > 0) throw new Error(`Internal errors:\n${errors.join('\n')}`)
  }
}

async function askPool<T>(method: 'POST' | 'DELETE'): Promise<T> {
  const response = await fetch(`${inject('platformPool')}/${process.env.VITEST_POOL_ID}`, { method })
  const text = await response.text()
  if (!response.ok) throw new Error(`No shared platform: ${text}`)
  return JSON.parse(text)
}
