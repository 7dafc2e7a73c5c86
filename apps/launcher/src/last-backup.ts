import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const File = z.object({ at: z.union([z.number(), z.string()]), ok: z.boolean() })

/** The last backup of the data folder. */
export interface LastBackup {
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly ok: boolean
}

/** Records in the data folder that a backup ended, for the metrics. A folder that can't be written keeps the earlier record. */
export async function recordBackup(data: string, ok: boolean): Promise<void> {
  const file = join(data, 'last-backup.json')
  try {
    await writeFile(`${file}.new`, JSON.stringify({ at: new Date().toISOString(), ok }))
    await rename(`${file}.new`, file)
  } catch {
    // The backup itself doesn't need the record.
  }
}

/** Reads `last-backup.json` of the data folder. Returns `undefined` if the file is missing or invalid. */
export async function readLastBackup(data: string): Promise<LastBackup | undefined> {
  try {
    const { at, ok } = File.parse(JSON.parse(await readFile(join(data, 'last-backup.json'), 'utf8')))
    const atMs = typeof at === 'number' ? at : Date.parse(at)
    return Number.isFinite(atMs) ? { atMs, ok } : undefined
  } catch {
    return undefined
  }
}
