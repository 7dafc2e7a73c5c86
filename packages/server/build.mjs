// @ts-check
import { chmod, cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serverBuild } from '../../apps/launcher/built.mjs'

const folder = dirname(fileURLToPath(import.meta.url))

/**
 * Builds the package: the server as `npm run build` builds it, and the program that runs its commands.
 *
 * @param {string} dist
 */
export async function buildServerPackage(dist) {
  await rm(dist, { recursive: true, force: true })
  await cp(await serverBuild(), dist, { recursive: true })
  // A fresh clone has it only now.
  const { build } = await import('esbuild')
  const program = join(dist, 'persql-server.mjs')
  await build({
    entryPoints: [join(folder, 'persql-server.mjs')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node18',
    logLevel: 'error',
  })
  await chmod(program, 0o755)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildServerPackage(join(folder, 'dist'))
