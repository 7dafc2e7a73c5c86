import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository, found from the location of the bundle. */
export const repository = above(dirname(fileURLToPath(import.meta.url)))

/** The bundled platform Worker, written by `buildPlatform`. */
export const platformBundle = join(repository, 'dist/platform.mjs')

/** The folder of console builds, each in a subfolder named after the hash of its sources. */
export const consoleBuilds = join(repository, 'dist/console')

/** The builds of `npm run dev`: the platform Worker and the console's page, separate from those of other runs. */
export const devBuilds = join(repository, 'dist/dev')

/** The files next to the bundle: those that it imports, and the bundle of the readers. */
export const platformModules = ['sqlite3.wasm'] as const
export const readerModule = 'reader.mjs'

function above(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('Run PerSQL from its repository (package-lock.json not found).')
  return above(parent)
}
