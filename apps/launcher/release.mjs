// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureInstalled, npm, repository } from './install.mjs'

await ensureInstalled({ dev: false })
const options = process.argv.slice(2)
const isDryRun = options.includes('--dry-run')
process.exitCode = (await hasPendingChanges()) ? 1 : await publishAll()

async function hasPendingChanges() {
  const names = await readdir(join(repository, '.changeset'))
  const pending = names.filter((name) => name.endsWith('.md') && name !== 'README.md')
  if (pending.length === 0 || isDryRun) return false
  process.stderr.write(`.changeset has changes without a version. Run npm run release:version and commit the result.\n`)
  return true
}

/** Publishes the tarballs of all packages: an instance serves the same bytes. Skips versions that are published. */
async function publishAll() {
  const { offerPackages, readIndex } = await import('../../packages/offer.mjs')
  const folder = join(repository, 'dist/packages')
  await rm(folder, { recursive: true, force: true })
  await offerPackages(folder)
  const { packages } = /** @type {import('../../packages/offer.mjs').Index} */ (await readIndex(folder))
  for (const [build] of Object.values(packages)) {
    if (build === undefined) continue
    const { name, version } = build.manifest
    if (!isDryRun && (await isPublished(`${name}@${version}`))) {
      process.stdout.write(`${name}@${version} is already published.\n`)
      continue
    }
    const { code, output } = await npm(['publish', join(folder, build.file), '--access', 'public', ...options])
    process.stdout.write(output)
    if (code !== 0) return 1
  }
  return 0
}

/**
 * @param {string} spec
 * @throws {Error} if the registry can't be reached
 */
async function isPublished(spec) {
  const registry = options.filter((option) => option.startsWith('--registry='))
  const { code, output } = await npm(['view', spec, 'version', '--json', ...registry])
  if (code === 0) return output.trim() !== ''
  if (output.includes('E404')) return false
  throw new Error(output)
}
