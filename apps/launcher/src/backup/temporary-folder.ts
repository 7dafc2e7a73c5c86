import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderHeldError, holdFolder } from '../folder-hold.ts'
import { UsageError } from './usage-error.ts'

/**
 * Calls `use` with a folder for copies in the data folder, and deletes the folder afterwards.
 * @param command the command that uses the folder; one at a time can run
 * @throws UsageError if this command runs already
 */
export async function withTemporaryFolder<T>(
  data: string,
  command: 'backup' | 'restore',
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = join(data, 'tmp', command)
  const hold = await take(folder, command)
  try {
    return await use(folder)
  } finally {
    hold.release()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Creates the folder for copies. A command that was killed can have left copies in it. */
async function take(folder: string, command: string) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    return await holdFolder(folder)
  } catch (cause) {
    if (!(cause instanceof FolderHeldError)) throw cause
    throw new UsageError(`Another ${command} of this data folder is running (PID ${cause.pid ?? 'unknown'}).`, {
      cause,
    })
  }
}
