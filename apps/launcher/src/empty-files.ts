import { randomBytes } from 'node:crypto'
import { open, opendir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { objectsFolder } from './workerd-process.ts'

const objectName = /^[0-9a-f]{64}\.sqlite$/
const magic = 'SQLite format 3\0'
/** The start of a SQLite file, up to the number of cells on its first page. */
const headBytes = 105
/** The runtime writes one page to the file of an object without data. */
const maxPageBytes = 4_096
/** The number of files that are examined in parallel. */
const parallel = 32
/** A start isn't delayed longer. The remaining files are removed at a later start. */
const maxMs = 2_000

/**
 * Removes the files of objects without data: the runtime keeps the file of a deleted database forever. Call it while no
 * process has the files open. Returns the number of removed files.
 */
export async function removeEmptyFiles(data: string, cells = 1, now: () => number = Date.now): Promise<number> {
  const untilMs = now() + maxMs
  let removed = 0
  for (let cell = 0; cell < cells; cell++) {
    const folder = join(objectsFolder(data, cell), 'database')
    // Each start begins elsewhere, so that all files have a turn if there are more than fit in the time.
    const first = randomBytes(2).toString('hex')
    for (const isAfter of [true, false]) {
      for await (const names of groups(folder, (name) => name >= first === isAfter)) {
        if (now() > untilMs) return removed
        const found = await Promise.all(names.map((name) => removeIfEmpty(join(folder, name))))
        removed += found.filter(Boolean).length
      }
    }
  }
  return removed
}

/** Lists the selected files of objects in groups; nothing if the folder is missing. */
async function* groups(folder: string, isSelected: (name: string) => boolean): AsyncGenerator<string[]> {
  const entries = await opendir(folder).catch(() => [])
  let group: string[] = []
  for await (const { name } of entries) {
    if (!objectName.test(name) || !isSelected(name)) continue
    group.push(name)
    if (group.length < parallel) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** Removes a file without data, and returns whether it did. A file that can't be read or removed stays. */
async function removeIfEmpty(file: string): Promise<boolean> {
  try {
    if (!(await isEmpty(file))) return false
    await rm(`${file}-wal`, { force: true })
    await rm(`${file}-shm`, { force: true })
    await rm(file)
    return true
  } catch {
    return false
  }
}

/** Returns whether the file of an object has no data, also not in its log. */
export async function isEmpty(file: string): Promise<boolean> {
  const { size } = await stat(file)
  if (size > maxPageBytes || (await readSize(`${file}-wal`)) > 0) return false
  return size === 0 || isEmptySchema(await readHead(file))
}

/** Returns the size of a file; 0 if it is missing. */
async function readSize(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw cause
  }
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Returns whether the first page, which is the root of the schema table, is a leaf without cells. */
function isEmptySchema(head: Buffer): boolean {
  const leaf = 0x0d
  return (
    head.length === headBytes &&
    head.toString('latin1', 0, magic.length) === magic &&
    head[100] === leaf &&
    head.readUInt16BE(103) === 0
  )
}
