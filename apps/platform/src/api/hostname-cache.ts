import { now } from '../clock.ts'
import type { Hosted } from '../directory/hostnames.ts'
import type { Env } from '../env.ts'
import { directoryObject } from './objects.ts'

const CACHE_MS = 60_000
const MAX_CACHED = 10_000

interface Cached {
  readonly hosted: Hosted | undefined
  readonly untilMs: number
}

// One bounded cache per isolate. Unknown hostnames are cached too, so each is looked up once a minute at most.
const cache = new Map<string, Cached>()
let changes = 0

/** Returns the database that a hostname routes to, without a promise if it was looked up within the last minute. */
export function findHosted(name: string, env: Env): Promise<Hosted | undefined> | Hosted | undefined {
  const known = cache.get(name)
  return known && known.untilMs > now() ? known.hosted : lookUp(name, env)
}

/** Removes a hostname from the cache, because its claim changed. */
export function forgetHostname(hostname: string): void {
  changes++
  cache.delete(hostname)
}

/** Removes the hostnames of a deleted database, or of all databases of a deleted namespace. */
export function invalidateHostnames(namespace: string, database?: string): void {
  changes++
  for (const [name, { hosted }] of cache) {
    if (hosted?.namespace === namespace && (database ?? hosted.database) === hosted.database) cache.delete(name)
  }
}

/**
 * Returns whether a hostname is the instance's own or a subdomain of it. Subdomains belong to the operator, and could
 * set cookies for the instance.
 */
export function isOwnHost(name: string, own: string | undefined): boolean {
  return own !== undefined && (name === own || name.endsWith(`.${own}`))
}

async function lookUp(name: string, env: Env): Promise<Hosted | undefined> {
  const changesBefore = changes
  const hosted = await directoryObject(env).hostname(name)
  // If something changed during the lookup, its result can be outdated.
  if (changes !== changesBefore) return hosted
  cache.delete(name)
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string)
  cache.set(name, { hosted, untilMs: now() + CACHE_MS })
  return hosted
}
