import { inject } from 'vitest'

/** Calls the pool for the worker of this test file. @throws Error if the call fails */
export async function askPool<T>(method: 'POST' | 'DELETE', resource: 'platform' | 'browser'): Promise<T> {
  const response = await fetch(`${inject('pool')}/${resource}/${process.env.VITEST_POOL_ID}`, { method })
  const text = await response.text()
  if (!response.ok) throw new Error(`The pool of shared processes failed: ${text}`)
  return JSON.parse(text)
}
