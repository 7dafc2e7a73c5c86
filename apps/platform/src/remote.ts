import type { RpcTarget } from 'cloudflare:workers'
import type { Env } from './env.ts'

/**
 * A Durable Object as its callers see it: every method, also of nested RPC targets, returns a promise. The runtime's
 * own type is too deep for JSON values.
 */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends ((...args: never[]) => unknown) | RpcTarget ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : Remote<T[K]>
}

/** The implementation of an object's calls. Methods can return their result without a promise. */
export type Serves<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => R | Promise<R>
    : Serves<T[K]>
}

/** The number of IDs of databases that are kept. */
const MAX_IDS = 10_000
/** IDs by name: making an ID from a name hashes it, which takes 2% of a point read. */
const databaseIds = new Map<string, DurableObjectId>()

function databaseId(env: Env, name: string): DurableObjectId {
  const known = databaseIds.get(name)
  if (known !== undefined) return known
  const id = env.DATABASES.idFromName(name)
  if (databaseIds.size >= MAX_IDS) databaseIds.clear()
  databaseIds.set(name, id)
  return id
}

// Bindings don't have the types of their classes, so the caller names the calls that the object serves.

/** Returns the object of a database, or of one of its copies. */
export const databaseAt = <Calls>(env: Env, namespace: string, name: string): Calls =>
  env.DATABASES.get(databaseId(env, `${namespace}/${name}`)) as unknown as Calls

/** Returns the object of a namespace. */
export const namespaceAt = <Calls>(env: Env, slug: string): Calls => env.NAMESPACES.getByName(slug) as unknown as Calls

/** Returns the object of the Directory, of which each instance has one. */
export const directoryAt = <Calls>(env: Env): Calls => env.DIRECTORY.getByName('directory') as unknown as Calls
