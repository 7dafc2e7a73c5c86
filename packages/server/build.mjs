// @ts-check
import { chmod, copyFile, cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serverBuild } from '../../apps/launcher/built.mjs'
import { repository } from '../../apps/launcher/install.mjs'
import { run } from '../../apps/launcher/run.mjs'
import { hashSources, listDocsSources } from '../../apps/launcher/sources.mjs'
import { offerPackages } from '../offer.mjs'

const folder = dirname(fileURLToPath(import.meta.url))

/**
 * Builds the package: the server as `npm run build` builds it, with the documentation and the client packages, and the program
 * that runs its commands.
 *
 * @param {string} dist
 */
export async function buildServerPackage(dist) {
  await rm(dist, { recursive: true, force: true })
  await cp(await serverBuild(), dist, { recursive: true })
  // This installs the development dependencies, which a fresh clone has only now.
  const { code } = await run(['apps/launcher/docs.mjs'], 'inherit')
  if (code !== 0) throw new Error('The build of the documentation failed.')
  const docs = join(repository, 'dist/docs', hashSources(repository, listDocsSources(repository)))
  await cp(docs, join(dist, 'docs'), { recursive: true })
  await offerPackages(join(dist, 'packages'), join(repository, 'dist/packages'))
  await copyFile(join(folder, '../offer.mjs'), join(dist, 'offer.mjs'))
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildServerPackage(join(folder, 'dist'))
  // npm packs the license only from the folder of the package.
  await copyFile(join(repository, 'LICENSE'), join(folder, 'LICENSE'))
}
