import type { Database } from '../database/object.ts'
import type { Directory } from '../directory/object.ts'
import type { Env } from '../env.ts'
import type { Namespace } from '../namespace/object.ts'
import { databaseAt, directoryAt, namespaceAt, type Remote } from '../remote.ts'

/** Returns the object of a database. */
export const databaseObject = (env: Env, namespace: string, slug: string): Remote<Database> =>
  databaseAt(env, namespace, slug)

/** Returns the object of a namespace. */
export const namespaceObject = (env: Env, slug: string): Remote<Namespace> => namespaceAt(env, slug)

/** Returns the object of the Directory, of which each instance has one. */
export const directoryObject = (env: Env): Remote<Directory> => directoryAt(env)
