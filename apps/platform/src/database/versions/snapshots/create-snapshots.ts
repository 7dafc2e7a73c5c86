import { now } from '../../../clock.ts'
import type { Env } from '../../../env.ts'
import { discardCopy } from '../../../object-files.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import type { IdentityStore } from '../../identity.ts'
import { type SnapshotOptions, Snapshots } from './snapshots.ts'

interface Neighbors extends Omit<SnapshotOptions, 'now' | 'copyTo' | 'wipe'> {
  readonly env: Env
  readonly identity: IdentityStore
}

/** Creates the snapshots of a database. Each is an object that no database address can name: slugs have no `@`. */
export function createSnapshots({ env, identity, ...options }: Neighbors): Snapshots {
  return new Snapshots({
    ...options,
    now,
    copyTo: (id) => {
      const { namespace, slug, id: databaseId } = identity.known
      const snapshot = databaseObject(env, namespace, `${slug}@${id}`)
      return snapshot.copyFrom(undefined, { namespace, name: slug, id: databaseId })
    },
    wipe: (id) => {
      const { namespace, slug } = identity.known
      return discardCopy(env, namespace, `${slug}@${id}`, id)
    },
  })
}
