import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Marker = z.strictObject({
  /** Identifies the restore. Namespaces compare it with the last one that they saw. */
  id: z.uuid(),
  /** The ID of the backup. */
  backup: z.string(),
  state: z.enum(['incomplete', 'complete']),
  restoredAt: z.iso.datetime(),
  /** Databases and snapshots that were deleted during the backup. */
  deleted: z.array(z.strictObject({ namespace: z.string(), id: z.string() })),
})

/**
 * The content of `restore.json`, which a data folder has while it is filled from a backup, and from then on until all
 * namespaces are reconciled.
 */
export type Restore = z.infer<typeof Marker>

const toFile = (data: string): string => join(data, 'restore.json')

/** Reads the marker of a restored folder; `undefined` without one. */
export function readRestore(data: string): Restore | undefined {
  let text: string
  try {
    text = readFileSync(toFile(data), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
  try {
    return Marker.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`${toFile(data)} is damaged. Restore the backup again, into an empty folder.`, { cause })
  }
}

/** Reads the marker of a folder that an instance can use. @throws Error if the restore didn't finish */
export function readFinishedRestore(data: string): Restore | undefined {
  const restore = readRestore(data)
  if (restore?.state !== 'incomplete') return restore
  throw new Error(
    `${data} is incomplete: the restore of backup ${restore.backup} didn't finish. Delete the folder, then restore the backup again.`,
  )
}

/** Writes the marker, atomically. */
export async function writeRestore(data: string, restore: Restore): Promise<void> {
  const file = toFile(data)
  await writeFile(`${file}.new`, `${JSON.stringify(restore, null, 2)}\n`, { flush: true })
  await rename(`${file}.new`, file)
}

/** Removes the marker when all namespaces are reconciled. */
export const removeRestore = (data: string): Promise<void> => rm(toFile(data), { force: true })
