import { text } from 'node:stream/consumers'
import type { BackupStore } from '../store.ts'
import { StoreError } from '../stores/store-error.ts'
import { type Lease, type LeaseOptions, withPruneLease } from './lease.ts'
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

/** Returns the names of all files that the manifests name. */
async function readNeeded(store: BackupStore, manifests: readonly string[]): Promise<Set<string>> {
  const needed = new Set<string>()
  for (const name of manifests) {
    const content = await store.read(name)
    if (content === undefined) throw new StoreError(`${name} was deleted while backups were pruned. Try again.`)
    const hashes = readHashes(await text(content))
    if (hashes.length === 0) {
      throw new StoreError(`${name} of the target is damaged. No backup was deleted. Delete it to prune the others.`)
    }
    for (const sha256 of hashes) needed.add(`${fileFolder}${sha256}`)
  }
  return needed
}

/**
 * Returns each SHA-256 in a manifest, wherever it is, so that pruning also keeps the files of a newer version of PerSQL.
 * Returns none if the manifest isn't whole.
 */
function readHashes(manifest: string): string[] {
  try {
    JSON.parse(manifest)
  } catch {
    return []
  }
  return manifest.match(/\b[0-9a-f]{64}\b/g) ?? []
}

async function deleteOthers(
  store: BackupStore,
  needed: ReadonlySet<string>,
  lease: Lease,
): Promise<{ files: number; bytes: number }> {
  const unneeded: { name: string; bytes: number }[] = []
  for await (const file of store.list(fileFolder)) if (!needed.has(file.name)) unneeded.push(file)
  for (const { name } of unneeded) {
    lease.assertHeld()
    await store.delete(name)
  }
  return { files: unneeded.length, bytes: unneeded.reduce((sum, { bytes }) => sum + bytes, 0) }
}
