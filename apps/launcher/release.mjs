// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ensureInstalled, repository } from './install.mjs'
import { buildRelease, publishAll, signChecksums } from './release-files.mjs'

const folder = join(repository, 'dist/release')
const { key, options } = parseOptions(process.argv.slice(2))
const isDryRun = options.includes('--dry-run')
await ensureInstalled({ dev: false })
process.exitCode = isKeyAbsent() || (await hasPendingChanges()) || !(await release()) ? 1 : 0

/** @param {string[]} args the option `--sign FILE`, and options of `npm publish` */
function parseOptions(args) {
  const at = args.indexOf('--sign')
  if (at === -1) return { key: undefined, options: args }
  return { key: args[at + 1] ?? '', options: args.filter((_arg, index) => index !== at && index !== at + 1) }
}

/** Checks the key first, because the build takes minutes. */
function isKeyAbsent() {
  if (key === undefined || existsSync(key)) return false
  process.stderr.write(`The SSH key "${key}" isn't a file. Pass the file of the private key after --sign.\n`)
  return true
}

async function hasPendingChanges() {
  const names = await readdir(join(repository, '.changeset'))
  const pending = names.filter((name) => name.endsWith('.md') && name !== 'README.md')
  if (pending.length === 0 || isDryRun) return false
  process.stderr.write(`.changeset has changes without a version. Run npm run release:version and commit the result.\n`)
  return true
}

/** Builds and signs the files of the release, then publishes them. */
async function release() {
  const packages = await buildRelease(folder)
  // Nothing is published if the signature fails.
  if (key !== undefined && !(await signChecksums(folder, key))) return false
  for (const name of await readdir(folder)) process.stdout.write(`${relative(repository, join(folder, name))}\n`)
  return publishAll(packages, options)
}
