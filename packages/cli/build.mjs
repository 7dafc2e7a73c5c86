// @ts-check
import { chmod, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = dirname(fileURLToPath(import.meta.url))

/**
 * Builds the package for publishing: one file, which depends only on Node.
 *
 * @param {string} dist
 */
export async function buildTo(dist) {
  await rm(dist, { recursive: true, force: true })
  await buildCli(join(dist, 'persql.js'))
}

/**
 * Builds the program into one file.
 *
 * @param {string} outfile
 */
export async function buildCli(outfile) {
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  await build({
    entryPoints: [join(folder, 'src/main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    conditions: ['persql-source'],
    define: { VERSION: JSON.stringify(version) },
  })
  await chmod(outfile, 0o755)
}
