import type { Env } from '../../env.ts'
import { deriveKey, hasHashing } from '../../integrations/password-hashing.ts'
import type { Identity } from '../identity.ts'
import type { Derive } from './passwords.ts'

/**
 * Returns the function that derives keys in the process that the launcher runs for it, or `undefined` on systems
 * without one. `awaiting` runs work that waits, so that the database isn't idle in that time.
 */
export function createDerive(
  env: Env,
  identity: () => Identity,
  awaiting: <T>(work: () => Promise<T>) => Promise<T>,
): Derive | undefined {
  if (!hasHashing(env)) return undefined
  return (password, salt, iterations, bytes) => {
    const { namespace, slug } = identity()
    const request = { algorithm: { name: 'pbkdf2', iterations }, password, salt, bytes } as const
    return awaiting(() => deriveKey(env, { lane: 'endpoint', source: `${namespace}/${slug}` }, request))
  }
}
