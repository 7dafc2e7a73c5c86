import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Time = z.union([z.number(), z.string()])
const File = z.object({
  at: Time,
  ok: z.boolean(),
  /** Older versions don't write these. */
  succeededAt: Time.optional(),
  failures: z.int().min(0).optional(),
})

/** The last backup of the data folder. */
export interface LastBackup {
  /** The time of its end, in milliseconds since 1970. */
  readonly atMs: number
  readonly ok: boolean
  /** The start of the last backup that succeeded: everything until then is in it. */
  readonly succeededAtMs?: number | undefined
  /** The failed backups since then. */
  readonly failures: number
}

/**
 * Records in the data folder that a backup ended, for the metrics. A folder that can't be written keeps the earlier record.
 * @param startedAt the start of a backup that succeeded; `undefined` for one that failed
 */
export async function recordBackup(data: string, startedAt: Date | undefined): Promise<void> {
  const file = join(data, 'last-backup.json')
  const last = await readLastBackup(data)
  const succeededAt = startedAt?.getTime() ?? last?.succeededAtMs
  const record = {
    at: new Date().toISOString(),
    ok: startedAt !== undefined,
    ...(succeededAt !== undefined && { succeededAt: new Date(succeededAt).toISOString() }),
    failures: startedAt === undefined ? (last?.failures ?? 0) + 1 : 0,
  }
  try {
    await writeFile(`${file}.new`, JSON.stringify(record))
    await rename(`${file}.new`, file)
  } catch {
    // The backup itself doesn't need the record.
  }
}

/** Reads `last-backup.json` of the data folder. Returns `undefined` if the file is missing or invalid. */
export async function readLastBackup(data: string): Promise<LastBackup | undefined> {
  try {
    const { at, ok, succeededAt, failures } = File.parse(
      JSON.parse(await readFile(join(data, 'last-backup.json'), 'utf8')),
    )
    const atMs = toMs(at)
    if (!Number.isFinite(atMs)) return undefined
    const succeededAtMs = succeededAt === undefined ? (ok ? atMs : undefined) : toMs(succeededAt)
    return {
      atMs,
      ok,
      ...(Number.isFinite(succeededAtMs) && { succeededAtMs }),
      failures: failures ?? (ok ? 0 : 1),
    }
  } catch {
    return undefined
  }
}

const toMs = (time: number | string): number => (typeof time === 'number' ? time : Date.parse(time))
