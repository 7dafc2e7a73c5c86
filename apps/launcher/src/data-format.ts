import { existsSync, readFileSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import manifest from '../../../packages/server/package.json' with { type: 'json' }

/**
 * The data format that this program writes. Increase it with every migration of a system schema. Format 1 has no stamp.
 */
const current = 6
/** The oldest format whose programs can read data that this program wrote. */
const oldestReader = 6
const maxCells = 1_000
const Format = z.int().min(1).max(1_000_000)
export const Stamp = z.object({
  format: Format,
  /** The version of the program. */
  writtenBy: z.string().min(1).max(100),
  oldestReader: Format,
  /** The number of cells that the namespaces are in. Absent if it is 1. */
  cells: z.int().min(1).max(maxCells).optional(),
})

/** The contents of `format.json` in the data folder. */
export type Stamp = z.infer<typeof Stamp>

/** The data format that this program writes. */
export const dataFormat: number = current

/** The version of this program. */
export const programVersion: string = manifest.version

/**
 * Checks that this program can read the data with this number of cells, and stamps the folder with its own format. Call
 * it before anything in the folder changes.
 * @throws Error with a message for the operator
 */
export async function stampData(data: string, cells = 1): Promise<void> {
  const file = join(data, 'format.json')
  const found = await readStamp(file)
  if (found && found.oldestReader > current) throw new Error(tooNew(data, found, programVersion))
  const foundCells = found?.cells ?? 1
  // Only a folder without data can get another number: the cell of a namespace depends on it.
  if (foundCells !== cells && (found || existsSync(join(data, 'objects')))) {
    throw new Error(otherCells(data, foundCells, cells))
  }
  if (found && !isOutdated(found)) return
  const stamp: Stamp = {
    format: current,
    writtenBy: programVersion,
    oldestReader,
    ...(cells > 1 && { cells }),
  }
  await writeFile(`${file}.new`, `${JSON.stringify(stamp, null, 2)}\n`)
  await rename(`${file}.new`, file)
}

/** Returns whether a start replaces this stamp. A newer program's stamp stays, because its data is still there. */
const isOutdated = ({ format, writtenBy }: Stamp): boolean =>
  format < current || (format === current && writtenBy !== programVersion)

/**
 * Returns the stamp of an older program, whose data a start of this one converts; `undefined` for other data folders.
 * @throws Error if a newer program is required to read the data, or if the data is too old to have a stamp
 */
export async function findOutdatedStamp(data: string): Promise<Stamp | undefined> {
  const found = await readDataStamp(data)
  if (found === undefined && existsSync(join(data, 'objects'))) {
    throw new Error(
      `${data} was written by a version of PerSQL without format.json, which this version can't back up. Copy the folder while PerSQL is stopped, then start without --backup-first.`,
    )
  }
  return found && isOutdated(found) ? found : undefined
}

/**
 * Reads the stamp of a data folder; `undefined` without one. @throws Error if a newer program is required to read the
 * data
 */
export async function readDataStamp(data: string): Promise<Stamp | undefined> {
  const found = await readStamp(join(data, 'format.json'))
  if (found) await assertReadable(data, found)
  return found
}

/** @throws Error if a newer program is required to read data with this stamp, which is in `place` */
export async function assertReadable(place: string, stamp: Stamp): Promise<void> {
  if (stamp.oldestReader > current) throw new Error(tooNew(place, stamp, programVersion))
}

/** Returns the number of cells that the data folder has files of. */
export function readCells(data: string): number {
  const file = join(data, 'format.json')
  return existsSync(file) ? (Stamp.parse(JSON.parse(readFileSync(file, 'utf8'))).cells ?? 1) : 1
}

async function readStamp(file: string): Promise<Stamp | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`Can't read ${file}: ${(cause as Error).message}`, { cause })
  }
  try {
    return Stamp.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(
      `${file} is damaged, so PerSQL can't determine which version wrote the data. Restore the file from a backup. If no newer version ever ran on the folder, delete the file.`,
      { cause },
    )
  }
}

function otherCells(data: string, found: number, wanted: number): string {
  return `${data} was created with PERSQL_CELLS=${found}, but PERSQL_CELLS is ${wanted}. The number can't be changed, because it decides which cell has the files of a namespace. Set PERSQL_CELLS=${found}, or set PERSQL_DATA to a new folder and import the databases there.`
}

function tooNew(data: string, { format, writtenBy, oldestReader: needed }: Stamp, version: string): string {
  return `${data} was written by PerSQL ${writtenBy} (data format ${format}) and requires data format ${needed} or newer. This is PerSQL ${version} (data format ${current}). Start PerSQL ${writtenBy} or newer.`
}
