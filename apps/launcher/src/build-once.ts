import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSources } from '../sources.mjs'
import { waitForFolder } from './folder-hold.ts'
import { repository } from './paths.ts'

const keepMs = 24 * 60 * 60 * 1000

/**
 * Returns the folder of a build, which is in `parent` and named after the hash of its sources. `build` fills it unless it
 * exists. Of several processes, one builds and the others wait for it, because builders have files of their own that a second
 * one would remove. A build of other sources is removed a day after it was made.
 */
export async function buildOnce(
  parent: string,
  sources: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const built = join(parent, hashSources(repository, sources))
  if (existsSync(built)) return built
  await mkdir(parent, { recursive: true })
  const hold = await waitForFolder(parent)
  try {
    return await buildNow(parent, sources, build)
  } finally {
    hold.release()
  }
}

async function buildNow(
  parent: string,
  sources: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = hashSources(repository, sources)
  const folder = join(parent, hash)
  if (existsSync(folder)) return folder
  const draft = `${folder}.${randomUUID()}`
  await mkdir(draft)
  try {
    await build(draft)
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw cause
  }
  if (hashSources(repository, sources) !== hash) {
    await rm(draft, { recursive: true })
    return buildNow(parent, sources, build)
  }
  await rename(draft, folder)
  await removeOld(parent, hash)
  return folder
}

/** Removes builds, and drafts of processes that were killed, that are old enough to be unused. */
async function removeOld(parent: string, current: string): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    const { name } = entry
    const folder = join(parent, name)
    if (!entry.isDirectory() || name === current || name === 'deployed') continue
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > keepMs) await rm(folder, { recursive: true, force: true })
  }
}
