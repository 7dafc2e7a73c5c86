import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository, found from the location of the bundle. Only for programs that need a clone. */
export const repository = above(dirname(fileURLToPath(import.meta.url)))

/** The folder of server builds, each in a subfolder named after the hash of its sources. */
export const serverBuilds = join(repository, 'dist/server')

/** The folder of console builds, each in a subfolder named after the hash of its sources. */
export const consoleBuilds = join(repository, 'dist/console')

/** The folder of builds of the documentation, each in a subfolder named after the hash of its sources. */
export const docsBuilds = join(repository, 'dist/docs')

/** The program that builds the client packages, and those that `npm run packages` built. */
export const packageBuilder = join(repository, 'packages/offer.mjs')
export const builtPackages = join(repository, 'dist/packages')

/** The builds of `npm run dev`: the platform Worker and the console's page, separate from those of other runs. */
export const devBuilds = join(repository, 'dist/dev')

function above(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('Run PerSQL from its repository (package-lock.json not found).')
  return above(parent)
}
