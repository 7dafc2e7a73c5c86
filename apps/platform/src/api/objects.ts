import type { Database } from '../database/object.ts'
import type { Directory } from '../directory/object.ts'
import type { Env } from '../env.ts'
import type { Namespace } from '../namespace/object.ts'
import { databaseAt, directoryAt, namespaceAt, ownAt, type Remote } from '../remote.ts'
import type { LogResult } from '../storage/file-process.ts'

/** Returns the object of a database. */
export const databaseObject = (env: Env, namespace: string, slug: string): Remote<Database> =>
  databaseAt(env, namespace, slug)

/** Returns the object of a namespace. */
export const namespaceObject = (env: Env, slug: string): Remote<Namespace> => namespaceAt(env, slug)

/** Returns the object of the Directory, of which each instance has one. */
export const directoryObject = (env: Env): Remote<Directory> => directoryAt(env)

/** The calls that every object serves, also a copy of a database. */
export interface AnyObject {
  shortenLog(): Promise<LogResult>
}

/** Returns an object of this process by the ID in the name of its file. */
export const ownObject = (env: Env, kind: 'database' | 'namespace' | 'directory', id: string): AnyObject =>
  ownAt(env, kind, id)
