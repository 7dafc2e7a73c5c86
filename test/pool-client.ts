import { Agent, fetch } from 'undici'
import { inject } from 'vitest'

/** Waits without a limit, because a build can take minutes. */
const dispatcher = new Agent({ headersTimeout: 0 })

type Resource = 'platform' | 'browser' | 'cli' | 'docs' | 'server-package' | 'server-app'

/** Calls the pool for the worker of this test file. @throws Error if the call fails */
export async function askPool<T>(method: 'POST' | 'DELETE', resource: Resource): Promise<T> {
  const url = `${inject('pool')}/${resource}/${process.env.VITEST_POOL_ID}`
  const response = await fetch(url, { method, dispatcher })
  const text = await response.text()
  if (!response.ok) throw new Error(`The pool of shared processes failed: ${text}`)
  return JSON.parse(text)
}
