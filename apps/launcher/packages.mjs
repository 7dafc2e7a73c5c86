// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { readdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ensureInstalled, repository } from './install.mjs'

await ensureInstalled({ dev: false })
const { offerPackages } = await import('../../packages/offer.mjs')
const folder = join(repository, 'dist/packages')
// Builds of other sources stay in the folder of an instance, but not here: these packages are published.
await rm(folder, { recursive: true, force: true })
await offerPackages(folder)
for (const name of await readdir(folder)) {
  if (name.endsWith('.tgz')) process.stdout.write(`${relative(repository, join(folder, name))}\n`)
}
