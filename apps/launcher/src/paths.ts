import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, wherever in it this module was bundled to. */
export const repository = above(dirname(fileURLToPath(import.meta.url)))

/** The platform Worker as one module, made by `buildPlatform`. */
export const platformBundle = join(repository, 'dist/platform.mjs')

/** Where builds of the console lie, each in a folder named after what it was made of. */
export const consoleBuilds = join(repository, 'dist/console')

/** What the bundle imports from beside it. */
export const platformModules = ['sqlite3.wasm'] as const

function above(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('PerSQL runs from its repository, where package-lock.json is.')
  return above(parent)
}
