import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import * as z from 'zod'
import { Sha256, toBlobName } from '../manifest.ts'
import { newestLayout } from '../manifest-file.ts'
import { keepUnchanged } from '../object-list.ts'
import { readBlob } from '../restore.ts'
import type { BackupStore } from '../store.ts'
import { StoreError } from '../stores/store-error.ts'

const Entry = z.looseObject({ path: z.string() })
type Entry = z.infer<typeof Entry>
const Layout = z.object({ manifest: z.object({ layout: z.int() }) })
const Changes = z.object({
  manifest: z.object({
    layout: z.literal(2),
    objects: z.object({ base: Sha256, changed: z.array(Entry), removed: z.array(z.string()) }),
  }),
})

/**
 * Returns the names of all files that the manifests name, also in a list of objects.
 * @throws StoreError if a manifest or its list can't be read
 */
export async function readNeeded(store: BackupStore, manifests: readonly string[]): Promise<Set<string>> {
  const needed = new Set<string>()
  const lists = new Map<string, readonly Entry[]>()
  for (const name of manifests) {
    const content = await store.read(name)
    if (content === undefined) throw new StoreError(`${name} was deleted while backups were pruned. Try again.`)
    try {
      const manifest = await parse(await buffer(content), name)
      const hashes = findHashes(manifest)
      if (hashes.length === 0) throw new Error('It names no files.')
      for (const sha256 of hashes) needed.add(toBlobName(sha256))
      const { success, data } = Changes.safeParse(manifest)
      if (!success) continue
      const { objects } = data.manifest
      const list = lists.get(objects.base) ?? (await readList(store, objects.base))
      lists.set(objects.base, list)
      for (const sha256 of findHashes(keepUnchanged(list, objects))) needed.add(toBlobName(sha256))
    } catch (cause) {
      if (cause instanceof StoreError) throw cause
      throw new StoreError(`${name} of the target is damaged. No backup was deleted. Delete it to prune the others.`, {
        cause,
      })
    }
  }
  return needed
}

/** Parses a manifest. @throws StoreError if a newer program wrote it, because it can name files in an unknown place */
async function parse(content: Buffer, name: string): Promise<unknown> {
  const manifest: unknown = JSON.parse(String(name.endsWith('.gz') ? await promisify(gunzip)(content) : content))
  const { data } = Layout.safeParse(manifest)
  if (data && data.manifest.layout > newestLayout) {
    throw new StoreError(
      `${name} of the target was written by a newer version of PerSQL. No backup was deleted. Use that version to prune.`,
    )
  }
  return manifest
}

async function readList(store: BackupStore, sha256: string): Promise<Entry[]> {
  const content = await promisify(gunzip)(await readBlob(store, sha256, 'the list of objects'))
  return z.array(Entry).parse(JSON.parse(String(content)))
}

/** Returns each SHA-256 in a value, wherever it is. */
const findHashes = (value: unknown): string[] => JSON.stringify(value).match(/\b[0-9a-f]{64}\b/g) ?? []
