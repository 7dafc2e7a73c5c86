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

// Of this isolate, bounded. That a name leads nowhere is remembered too, and so asked once a minute at most.
const cache = new Map<string, Cached>()
let changes = 0

/** Returns the database that a hostname routes to. Nothing is awaited for what was asked within the last minute. */
export function findHosted(name: string, env: Env): Promise<Hosted | undefined> | Hosted | undefined {
  const known = cache.get(name)
  return known && known.untilMs > now() ? known.hosted : lookUp(name, env)
}

/** Forgets where a hostname routes to, because its claim changed. */
export function forgetHostname(hostname: string): void {
  changes++
  cache.delete(hostname)
}

/** Forgets which hostnames route to a database, or to any of a namespace, that was deleted. */
export function forgetHostnamesOf(namespace: string, database?: string): void {
  changes++
  for (const [name, { hosted }] of cache) {
    if (hosted?.namespace === namespace && (database ?? hosted.database) === hosted.database) cache.delete(name)
  }
}

/**
 * Returns whether a name is the instance's own or below it. Names below it belong to the operator, and could set cookies
 * for it.
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
