import * as z from 'zod'
import { ObjectCopies, type ObjectCopy, Sha256 } from './manifest.ts'

/** The objects of a backup, as their differences from a list that several backups share. */
export const ObjectChanges = z.strictObject({
  /** The blob with the list, compressed. */
  base: Sha256,
  /** The objects that are not in the list, or are different there. */
  changed: ObjectCopies,
  /** The paths of objects that are only in the list. */
  removed: z.array(z.string()),
})
export type ObjectChanges = z.infer<typeof ObjectChanges>

/** Returns the differences from a list. */
export function findChanges(base: readonly ObjectCopy[], objects: readonly ObjectCopy[]): Omit<ObjectChanges, 'base'> {
  const known = new Map(base.map((copy) => [copy.path, JSON.stringify(copy)]))
  const paths = new Set(objects.map(({ path }) => path))
  return {
    changed: objects.filter((copy) => known.get(copy.path) !== JSON.stringify(copy)),
    removed: [...known.keys()].filter((path) => !paths.has(path)),
  }
}

/** Returns the entries of a list that are still valid. */
export function keepUnchanged<Entry extends { readonly path: string }>(
  base: readonly Entry[],
  { changed, removed }: { readonly changed: readonly { path: string }[]; readonly removed: readonly string[] },
): Entry[] {
  const replaced = new Set([...removed, ...changed.map(({ path }) => path)])
  return base.filter(({ path }) => !replaced.has(path))
}
