import type { RpcTarget } from 'cloudflare:workers'
import type { Database } from './database/object.ts'
import type { Directory } from './directory/object.ts'
import type { Env } from './env.ts'
import type { Namespace } from './namespace/object.ts'

/**
 * An object as its callers see it: every method answers later, those of its parts too, in one call. The runtime's own
 * type is too deep for JSON values.
 */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends ((...args: never[]) => unknown) | RpcTarget ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : Remote<T[K]>
}

export const databaseObject = (env: Env, namespace: string, slug: string): Remote<Database> =>
  env.DATABASES.getByName(`${namespace}/${slug}`) as unknown as Remote<Database>

export const namespaceObject = (env: Env, slug: string): Remote<Namespace> =>
  env.NAMESPACES.getByName(slug) as unknown as Remote<Namespace>

export const directoryObject = (env: Env): Remote<Directory> =>
  env.DIRECTORY.getByName('directory') as unknown as Remote<Directory>
