import type { Dirent } from 'node:fs'
import { chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { operatorCommand } from './command-name.ts'
import { objectsFolder } from './workerd-process.ts'

/** Windows has no such modes. */
const hasModes = process.platform !== 'win32'
/** The rights of the group and of other users. */
const othersMayUse = 0o077
/** Returns whether the group or other users have any right to a file with this mode. */
export const isOpen = (mode: number): boolean => (mode & othersMayUse) !== 0
/** The number of files that are changed in parallel. */
const parallel = 64

/** Makes files and folders that this process and its children create usable by their owner only. */
export function createFilesPrivately(): void {
  if (hasModes) process.umask(process.umask() | othersMayUse)
}

/** The files that PerSQL creates in a data folder, which can also have files of its operator. */
const ownFile = /^(secret|bootstrap\.json|format\.json|restore\.json|last-backup\.json|lock|ballast)(\.new)?$/
/** The folders that PerSQL creates in a data folder, besides the objects. */
export const ownFolders: readonly string[] = ['cells', 'run', 'tmp', 'packages']

/**
 * Takes the rights of other users away from everything of PerSQL in a data folder. The folder itself keeps the mode that its
 * operator chose. A folder in it that is private already isn't searched, so only the first start on older data takes time.
 * @returns the paths that stay open, because another user owns them or the file system is read-only
 */
export async function makeDataPrivate(data: string, cells: number): Promise<string[]> {
  if (!hasModes) return []
  const open: string[] = []
  // Operators can have moved these to another disk, behind a link.
  const objects = Array.from({ length: cells }, (_, cell) => objectsFolder(data, cell))
  for (const folder of [...objects, ...ownFolders.map((name) => join(data, name))]) {
    const found = await stat(folder).catch(() => undefined)
    if (!found?.isDirectory() || !isOpen(found.mode)) continue
    await makeContentPrivate(folder, open)
    await closePath(folder, open)
  }
  const entries = await readdir(data, { withFileTypes: true })
  const own = entries.filter((entry) => entry.isFile() && ownFile.test(entry.name))
  await closeAll(data, own, open)
  return open
}

/** Goes down first, so that a search that was interrupted is repeated. Doesn't follow links. */
async function makeContentPrivate(folder: string, open: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await makeContentPrivate(join(folder, entry.name), open)
  await closeAll(folder, entries, open)
}

async function closeAll(folder: string, entries: readonly Dirent[], open: string[]): Promise<void> {
  const paths = entries.filter((entry) => !entry.isSymbolicLink()).map(({ name }) => join(folder, name))
  for (let i = 0; i < paths.length; i += parallel) {
    await Promise.all(paths.slice(i, i + parallel).map((path) => closePath(path, open)))
  }
}

async function closePath(path: string, open: string[]): Promise<void> {
  try {
    const { mode } = await stat(path)
    if (isOpen(mode)) await chmod(path, mode & 0o7777 & ~othersMayUse)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') open.push(path)
  }
}

/** Formats the warning about paths that stay open to other users. */
export function formatOpenPaths(open: readonly string[]): string {
  const [first = ''] = open
  const others = open.length === 1 ? '' : ` and ${open.length - 1} more`
  return `Other users of this machine can use ${first}${others}, and PerSQL isn't allowed to change that. Run "${operatorCommand} doctor".`
}
