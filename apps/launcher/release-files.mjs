// @ts-check
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { npm, repository } from './install.mjs'

/** The name of the file with the checksums of a release, as `sha256sum --check` reads it. */
export const CHECKSUMS = 'SHA256SUMS'
/** The purpose that a signature of the checksums is for, so that signatures of other files don't fit. */
export const NAMESPACE = 'persql-release'

/** @typedef {{ name: string, version: string, file: string }} Released a package with its tarball */

/**
 * Builds the files of a release: the tarballs of all packages and their checksums. Returns the packages in the order in which
 * they can be published: each after those that it needs.
 *
 * @param {string} folder is replaced
 * @returns {Promise<Released[]>}
 */
export async function buildRelease(folder) {
  const clients = join(repository, 'dist/packages')
  await rm(folder, { recursive: true, force: true })
  const { offerOnlyCurrent, readIndex } = await import('../../packages/offer.mjs')
  await offerOnlyCurrent(clients)
  await mkdir(folder, { recursive: true })
  const index = /** @type {import('../../packages/offer.mjs').Index} */ (await readIndex(clients))
  const builds = Object.values(index.packages).flatMap(([build]) => (build ? [build] : []))
  for (const { file } of builds) await copyFile(join(clients, file), join(folder, file))
  const server = await packServer(folder)
  await writeChecksums(folder)
  const ordered = sortByNeeds(builds.map(({ manifest }) => manifest))
  const files = new Map(builds.map(({ manifest, file }) => [manifest.name, file]))
  return [
    ...ordered.map(({ name, version }) => ({ name, version, file: join(folder, files.get(name) ?? '') })),
    { name: server.name, version: server.version, file: join(folder, server.filename) },
  ]
}

/**
 * @param {string} folder
 * @returns {Promise<{ name: string, version: string, filename: string }>}
 */
async function packServer(folder) {
  const { code, output } = await npm(['pack', '--workspace', 'packages/server', '--json', '--pack-destination', folder])
  if (code !== 0) throw new Error(output)
  // The build prints lines before the JSON.
  return JSON.parse(output.slice(output.lastIndexOf('\n[\n') + 1))[0]
}

/**
 * Sorts manifests: each package comes after those of its dependencies that are in the list.
 *
 * @template {{ name: string, dependencies?: object, peerDependencies?: object }} M
 * @param {readonly M[]} manifests
 * @returns {M[]}
 * @throws {Error} for packages that need each other
 */
export function sortByNeeds(manifests) {
  /** @type {M[]} */
  const sorted = []
  const names = manifests.map(({ name }) => name)
  while (sorted.length < manifests.length) {
    const done = new Set(sorted.map(({ name }) => name))
    const next = manifests.find(({ name, dependencies, peerDependencies }) => {
      const needs = Object.keys({ ...dependencies, ...peerDependencies }).filter((need) => names.includes(need))
      return !done.has(name) && needs.every((need) => done.has(need))
    })
    if (!next) throw new Error(`These packages need each other: ${names.filter((name) => !done.has(name)).join(', ')}.`)
    sorted.push(next)
  }
  return sorted
}

/**
 * Writes the checksums of all files in a folder.
 *
 * @param {string} folder
 */
export async function writeChecksums(folder) {
  const files = (await readdir(folder)).filter((name) => !name.startsWith(CHECKSUMS)).sort()
  const lines = await Promise.all(
    files.map(async (file) => {
      const hash = createHash('sha256').update(await readFile(join(folder, file)))
      return `${hash.digest('hex')}  ${basename(file)}\n`
    }),
  )
  await writeFile(join(folder, CHECKSUMS), lines.join(''))
}

/**
 * Signs the checksums with an SSH key and writes the signature next to them. ssh-keygen asks for the passphrase of the key, or
 * uses an agent that has it.
 *
 * @param {string} folder
 * @param {string} key the file of the key
 * @returns {Promise<boolean>} whether ssh-keygen succeeded
 */
export async function signChecksums(folder, key) {
  const args = ['-Y', 'sign', '-n', NAMESPACE, '-f', key, join(folder, CHECKSUMS)]
  return new Promise((resolve) => {
    const child = spawn('ssh-keygen', args, { stdio: 'inherit' })
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0))
  })
}

/**
 * Publishes tarballs one after the other, so that each package can be installed as soon as it is there. Skips versions that are
 * published.
 *
 * @param {readonly Released[]} packages
 * @param {readonly string[]} options options of `npm publish`, such as `--dry-run`
 * @returns {Promise<boolean>} whether all are published
 */
export async function publishAll(packages, options) {
  const isDryRun = options.includes('--dry-run')
  for (const { name, version, file } of packages) {
    if (!isDryRun && (await isPublished(`${name}@${version}`, options))) {
      process.stdout.write(`${name}@${version} is already published.\n`)
      continue
    }
    const { code, output } = await npm(['publish', file, '--access', 'public', ...options])
    process.stdout.write(output)
    if (code !== 0) return false
  }
  return true
}

/**
 * @param {string} spec
 * @param {readonly string[]} options
 * @throws {Error} if the registry can't be reached
 */
async function isPublished(spec, options) {
  const registry = options.filter((option) => option.startsWith('--registry='))
  const { code, output } = await npm(['view', spec, 'version', '--json', ...registry])
  if (code === 0) return output.trim() !== ''
  if (output.includes('E404')) return false
  throw new Error(output)
}
