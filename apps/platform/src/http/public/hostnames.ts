import { isHostname } from '@persql/contract'
import { findHosted, isOwnHost } from '../../api/hostname-cache.ts'
import type { Hosted } from '../../directory/hostnames.ts'
import type { Env } from '../../env.ts'
import type { Settings } from '../../settings.ts'

/** The host of the last request that no tenant's hostname can have been: mostly that of the next one too. */
let ownHost = ''

/**
 * The database that a request's `Host` leads to, if it is a tenant's hostname. Nothing is awaited for names of the instance
 * itself, loopback names and addresses, nor for what was asked within the last minute.
 */
export function resolveHostname(
  host: string,
  env: Env,
  settings: Settings,
): Promise<Hosted | undefined> | Hosted | undefined {
  if (host === ownHost) return undefined
  const name = nameOf(host)
  if (isHostname(name) && !isOwnHost(name, settings.host)) return findHosted(name, env)
  ownHost = host
  return undefined
}

/** A `Host` in lower case, without its port and the dot that ends an absolute name. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}
