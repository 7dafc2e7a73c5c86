import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSources } from '../sources.mjs'
import { repository } from './paths.ts'

const keepMs = 24 * 60 * 60 * 1000

/**
 * Returns the folder of a build, which is in `parent` and named after the hash of its sources. `build` fills it unless it
 * exists. A build of other sources is removed a day after it was made.
 */
export async function buildOnce(
  parent: string,
  sources: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = hashSources(repository, sources)
  const folder = join(parent, hash)
  if (existsSync(folder)) return folder
  const draft = `${folder}.${randomUUID()}`
  await mkdir(draft, { recursive: true })
  try {
    await build(draft)
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw cause
  }
  if (hashSources(repository, sources) !== hash) {
    await rm(draft, { recursive: true })
    return buildOnce(parent, sources, build)
  }
  // A rename is atomic: another process can build or read the folder at the same time.
  await rename(draft, folder).catch(async (cause) => {
    if (!existsSync(folder)) throw cause
    await rm(draft, { recursive: true })
  })
  await removeOld(parent, hash)
  return folder
}

/** Removes builds and drafts that are old enough to be unused. */
async function removeOld(parent: string, current: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const folder = join(parent, name)
    if (name === current || name === 'deployed') continue
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > keepMs) await rm(folder, { recursive: true, force: true })
  }
}
