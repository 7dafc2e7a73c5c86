import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { listDocsSources } from '../sources.mjs'
import { buildOnce } from './build-once.ts'
import { docsBuilds, repository } from './paths.ts'

/** Returns the folder of the documentation site, after building it if its sources changed. */
export function buildDocs(): Promise<string> {
  return buildOnce(docsBuilds, listDocsSources(repository), vitepressBuild)
}

/** Runs `npm run docs`. Resolves with the exit code. */
export async function main(): Promise<number> {
  try {
    const folder = await buildDocs()
    process.stdout.write(`The documentation is in ${folder}. Instances that start now serve it at /docs.\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`)
    return 1
  }
}

/** Runs VitePress in a separate process, which returns its memory when it ends. */
async function vitepressBuild(folder: string): Promise<void> {
  const vitepress = join(dirname(createRequire(import.meta.url).resolve('vitepress/package.json')), 'bin/vitepress.js')
  const args = [vitepress, 'build', join(repository, 'docs'), '--outDir', folder]
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')
  if (code !== 0) throw new Error('The build of the documentation failed.')
}
