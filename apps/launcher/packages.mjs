// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ensureInstalled, repository } from './install.mjs'

await ensureInstalled({ dev: false })
const { offerOnlyCurrent } = await import('../../packages/offer.mjs')
const folder = join(repository, 'dist/packages')
await offerOnlyCurrent(folder)
for (const name of await readdir(folder)) {
  if (name.endsWith('.tgz')) process.stdout.write(`${relative(repository, join(folder, name))}\n`)
}
