// @ts-check
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repository } from './install.mjs'

/**
 * Bundles a TypeScript program of this repository, which Node 20 can't run directly, and imports it.
 *
 * @param {string} entry its path from the repository's root
 * @param {string} outfile the path of the bundle from the repository's root
 * @returns {Promise<{ main(args: string[]): Promise<number> }>}
 */
export async function load(entry, outfile) {
  const { build } = await import('esbuild')
  const output = join(repository, outfile)
  const { outputFiles } = await build({
    absWorkingDir: repository,
    entryPoints: [entry],
    outfile: output,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['@aws-sdk/*', 'esbuild', 'libsql', 'vite', 'workerd', 'playwright-core'],
    sourcemap: 'inline',
    logLevel: 'error',
  })
  const draft = `${output}.${process.pid}`
  await mkdir(dirname(output), { recursive: true })
  await writeFile(draft, outputFiles[0]?.contents ?? '')
  await rename(draft, output)
  return import(pathToFileURL(output).href)
}
