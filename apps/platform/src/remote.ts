import type { RpcTarget } from 'cloudflare:workers'
import { getObject } from './cells.ts'
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

// Bindings don't have the types of their classes, so the caller names the calls that the object serves. The object can be
// in another process (`cells.ts`).

/** Returns the object of a database, or of one of its copies. */
export const databaseAt = <Calls>(env: Env, namespace: string, name: string): Calls =>
  getObject(env, 'DATABASES', `${namespace}/${name}`) as Calls

/** Returns the object of a namespace. */
export const namespaceAt = <Calls>(env: Env, slug: string): Calls => getObject(env, 'NAMESPACES', slug) as Calls

/** Returns the object of the Directory, of which each instance has one. */
export const directoryAt = <Calls>(env: Env): Calls => getObject(env, 'DIRECTORY', 'directory') as Calls

const BINDINGS = { database: 'DATABASES', namespace: 'NAMESPACES', directory: 'DIRECTORY' } as const

/** Returns an object of this process by the ID in the name of its file. @throws TypeError if its class has no such ID */
export const ownAt = <Calls>(env: Env, kind: keyof typeof BINDINGS, id: string): Calls => {
  const objects = env[BINDINGS[kind]]
  return objects.get(objects.idFromString(id)) as unknown as Calls
}
