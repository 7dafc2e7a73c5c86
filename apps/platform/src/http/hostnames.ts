import { isHostname } from '@persql/contract'
import { now } from '../clock.ts'
import type { Hosted } from '../directory/hostnames.ts'
import type { Env } from '../env.ts'
import { directoryObject } from '../objects.ts'
import type { Settings } from '../settings.ts'

const CACHE_MS = 60_000
const MAX_CACHED = 10_000

interface Cached {
  readonly hosted: Hosted | undefined
  readonly untilMs: number
}

// Of this isolate, bounded. That a name leads nowhere is remembered too, and so asked once a minute at most.
const cache = new Map<string, Cached>()
let changes = 0
/** The host of the last request that no tenant's hostname can have been: mostly that of the next one too. */
let ownHost = ''

/**
 * The database that a request's `Host` leads to, if it is a tenant's hostname. Nothing is awaited for names of the instance
 * itself, loopback names and addresses, nor for what was asked within the last minute.
 */
export function hostedDatabase(
  host: string,
  env: Env,
  settings: Settings,
): Promise<Hosted | undefined> | Hosted | undefined {
  if (host === ownHost) return undefined
  const name = nameOf(host)
  if (!isHostname(name) || isOwnHost(name, settings.host)) {
    ownHost = host
    return undefined
  }
  const known = cache.get(name)
  return known && known.untilMs > now() ? known.hosted : lookUp(name, env)
}

/** Forgets where a hostname leads, for its claim was changed. */
export function forgetHostname(hostname: string): void {
  changes++
  cache.delete(hostname)
}

/** Forgets which hostnames lead to a database, or to any of a namespace, that was deleted. */
export function forgetHostnamesOf(namespace: string, database?: string): void {
  changes++
  for (const [name, { hosted }] of cache) {
    if (hosted?.namespace === namespace && (database ?? hosted.database) === hosted.database) cache.delete(name)
  }
}

/**
 * Whether a name is the instance's own or below it. What is below belongs to whoever runs the instance, and could set
 * cookies for it.
 */
export function isOwnHost(name: string, own: string | undefined): boolean {
  return own !== undefined && (name === own || name.endsWith(`.${own}`))
}

async function lookUp(name: string, env: Env): Promise<Hosted | undefined> {
  const changesBefore = changes
  const hosted = await directoryObject(env).hostname(name)
  // An answer that was under way while something changed may be of before.
  if (changes !== changesBefore) return hosted
  cache.delete(name)
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string)
  cache.set(name, { hosted, untilMs: now() + CACHE_MS })
  return hosted
}

/** A `Host` in lower case, without its port and the dot that ends an absolute name. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}
