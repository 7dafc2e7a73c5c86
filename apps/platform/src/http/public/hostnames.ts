import { isHostname } from '@persql/contract'
import { findHosted, isOwnHost } from '../../api/hostname-cache.ts'
import type { Hosted } from '../../directory/hostnames.ts'
import type { Env } from '../../env.ts'
import type { Settings } from '../../settings.ts'

/** The last `Host` that can't be a custom hostname. Most requests have the same one. */
let ownHost = ''

/**
 * Returns the database that a custom hostname in `Host` routes to. Returns without a promise for the instance's own
 * hostnames, loopback names, IP addresses, and hostnames that were looked up within the last minute.
 */
export function resolveHostname(
  host: string,
  env: Env,
  settings: Settings,
): Promise<Hosted | undefined> | Hosted | undefined {
  if (host === ownHost) return undefined
  const name = normalizeHost(host)
  if (isHostname(name) && !isOwnHost(name, settings.host)) return findHosted(name, env)
  ownHost = host
  return undefined
}

/** Returns a `Host` in lower case, without its port and without the trailing dot of an absolute name. */
function normalizeHost(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}
