import type { BackupStore } from '../store.ts'
import { type Lease, type LeaseOptions, withPruneLease } from './lease.ts'
import { readNeeded } from './needed-files.ts'
import { parseKeep, parseManifestTime, selectKept } from './retention.ts'

const manifestFolder = 'backups/'
const fileFolder = 'files/'

/** The result of pruning. */
export interface Pruned {
  /** The names of manifests that are kept, and of those that were deleted. */
  readonly kept: readonly string[]
  readonly deleted: readonly string[]
  /** The files that no manifest named and that were deleted, and their size. */
  readonly files: number
  readonly bytes: number
  /** The names of the files that are left. */
  readonly left: ReadonlySet<string>
}

/**
 * Deletes backups that the rules don't keep, then files that no backup needs. Returns undefined, and deletes nothing, while
 * a backup to the same store runs.
 *
 * @param keep such as `24h,7d,4w`
 * @throws StoreError if a manifest that is kept can't be read: then no file is deleted
 */
export async function prune(
  store: BackupStore,
  keep: string,
  now: Date,
  options?: LeaseOptions,
): Promise<Pruned | undefined> {
  const rules = parseKeep(keep)
  return withPruneLease(
    store,
    async (lease) => {
      const manifests: string[] = []
      for await (const { name } of store.list(manifestFolder)) manifests.push(name)
      const times = new Map(manifests.map((name) => [name, parseManifestTime(name)]))
      const known = [...times.values()].filter((time) => time !== undefined)
      const keptTimes = selectKept(known, rules, now.getTime())
      // A manifest with an unknown name may be of a newer version.
      const isKept = (name: string) => {
        const time = times.get(name)
        return time === undefined || keptTimes.has(time)
      }
      const kept = manifests.filter(isKept)
      const deleted = manifests.filter((name) => !isKept(name))
      const needed = await readNeeded(store, kept)
      for (const name of deleted) {
        lease.assertHeld()
        await store.delete(name)
      }
      return { kept, deleted, ...(await deleteOthers(store, needed, lease)) }
    },
    options,
  )
}

async function deleteOthers(
  store: BackupStore,
  needed: ReadonlySet<string>,
  lease: Lease,
): Promise<Pick<Pruned, 'files' | 'bytes' | 'left'>> {
  const unneeded: { name: string; bytes: number }[] = []
  const left = new Set<string>()
  for await (const file of store.list(fileFolder)) {
    if (needed.has(file.name)) left.add(file.name)
    else unneeded.push(file)
  }
  for (const { name } of unneeded) {
    lease.assertHeld()
    await store.delete(name)
  }
  return { files: unneeded.length, bytes: unneeded.reduce((sum, { bytes }) => sum + bytes, 0), left }
}
