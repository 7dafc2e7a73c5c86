import type { Env } from '../../env.ts'
import { deriveKey, hasHashing } from '../../integrations/password-hashing.ts'
import type { IdentityStore } from '../identity.ts'
import type { LeaseClient } from '../metering/lease.ts'
import type { Derive } from './passwords.ts'

/**
 * Returns the function that derives keys in the process that the launcher runs for it, or `undefined` on systems
 * without one. The lease keeps the database from being idle in that time.
 */
export function createDerive(
  env: Env,
  identity: IdentityStore,
  lease: Pick<LeaseClient, 'awaiting'>,
): Derive | undefined {
  if (!hasHashing(env)) return undefined
  return (password, salt, iterations, bytes) => {
    const { namespace, slug } = identity.known
    const request = { algorithm: { name: 'pbkdf2', iterations }, password, salt, bytes } as const
    return lease.awaiting(() => deriveKey(env, { lane: 'endpoint', source: `${namespace}/${slug}` }, request))
  }
}
