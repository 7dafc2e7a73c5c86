import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { hashFiles } from './hash-files.ts'
import { repository } from './paths.ts'

/** The folder of builds of the documentation, each in a subfolder named after the hash of its sources. */
const docsBuilds = join(repository, 'dist/docs')
const SOURCES = [
  ...['docs', 'packages', 'CHANGELOG.md', 'SECURITY.md', 'package-lock.json'],
  ...['docs/.vitepress/config.ts', 'docs/.vitepress/theme/index.ts', 'tools/docs/site.ts'],
]
/** Pages and the code that builds the site. */
const IS_SOURCE = /^(?!packages\/(?![\w-]+\/README\.md$)|docs\/screenshots\/)/

/** Returns the folder of the built site, or of the Markdown files if the site isn't built. */
export async function findDocs(): Promise<string> {
  const built = await toFolder()
  return existsSync(built) ? built : join(repository, 'docs')
}

/** Builds the documentation, unless it is built already. Resolves with the exit code. */
export async function main(): Promise<number> {
  const folder = await toFolder()
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`
    await mkdir(docsBuilds, { recursive: true })
    const vitepress = join(
      dirname(createRequire(import.meta.url).resolve('vitepress/package.json')),
      'bin/vitepress.js',
    )
    const args = [vitepress, 'build', join(repository, 'docs'), '--outDir', draft]
    const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')
    if (code !== 0) return 1
    for (const name of await readdir(docsBuilds)) {
      if (join(docsBuilds, name) !== draft) await rm(join(docsBuilds, name), { recursive: true })
    }
    await rename(draft, folder)
  }
  process.stdout.write(`The documentation is in ${folder}. Instances that start now serve it at /docs.\n`)
  return 0
}

const toFolder = async () => join(docsBuilds, await hashFiles(SOURCES, IS_SOURCE))
