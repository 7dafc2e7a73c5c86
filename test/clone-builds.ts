import { join } from 'node:path'
import { waitForFolder } from '../apps/launcher/src/folder-hold.ts'
import { repository } from '../apps/launcher/src/paths.ts'

/**
 * Runs a build that writes to a fixed folder of the clone, such as `packages/server/dist`. Test files run at the same time, and
 * this runs one such build after the other.
 */
export async function buildInClone<T>(build: () => Promise<T>): Promise<T> {
  const hold = await waitForFolder(join(repository, 'packages/server'))
  try {
    return await build()
  } finally {
    hold.release()
  }
}
