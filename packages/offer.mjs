// @ts-check
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The number of builds of one version that stay available: each differs from the one before by its sources. */
const MAX_BUILDS = 10
const packages = dirname(fileURLToPath(import.meta.url))
const repository = join(packages, '..')
/** The index of a folder of packages. */
const INDEX = 'index.json'

/**
 * A tarball: its file, its hashes and the manifest of its package.
 *
 * @typedef {object} Build
 * @property {string} file
 * @property {string} integrity
 * @property {string} shasum
 * @property {number} size
 * @property {number} unpackedSize
 * @property {number} fileCount
 * @property {import('./pack.mjs').Manifest} manifest
 */
/** @typedef {{ sources: string, packages: Record<string, Build[]> }} Index the builds of each package, newest first */

/**
 * Puts the current packages into a folder, with an index. Builds them only if their sources changed since the last time,
 * and copies them from `prebuilt` if that folder has them. Tarballs that are there stay as they are: the build of other
 * sources with the same version gets a name of its own.
 *
 * @param {string} folder
 * @param {string} [prebuilt]
 * @returns {Promise<boolean>} whether the folder changed
 */
export async function offerPackages(folder, prebuilt) {
  return update(folder, await readIndex(folder), prebuilt)
}

/**
 * Puts the current packages into a folder, and removes those of other sources, so that all can be published.
 *
 * @param {string} folder
 * @returns {Promise<boolean>} whether the folder changed
 */
export async function offerOnlyCurrent(folder) {
  const known = await readIndex(folder)
  const builds = Object.values(known?.packages ?? {})
  const checked = builds.map(
    async ([build, ...older]) =>
      build !== undefined &&
      older.length === 0 &&
      build.file === toPlainName(build.manifest) &&
      build.integrity === toIntegrity(await readFile(join(folder, build.file)).catch(() => '')),
  )
  return update(folder, (await Promise.all(checked)).every(Boolean) ? known : undefined)
}

/** @param {string | Buffer} tarball */
const toIntegrity = (tarball) => `sha512-${createHash('sha512').update(tarball).digest('base64')}`

/**
 * @param {string} folder
 * @param {Index} [known] the packages that the folder has
 * @param {string} [prebuilt]
 */
async function update(folder, known, prebuilt) {
  const ready = prebuilt === undefined ? undefined : await readIndex(prebuilt)
  // The server's package has no sources.
  const sources = existsSync(join(repository, 'package-lock.json')) || !ready ? await hashSources() : ready.sources
  if (known?.sources === sources && isComplete(folder, known)) return false
  const copies = ready?.sources === sources && prebuilt !== undefined
  const found = copies ? await readBuilds(prebuilt, ready) : await buildAll(folder)
  await mkdir(folder, { recursive: true })
  /** @type {Index} */
  const index = { sources, packages: {} }
  for (const { tarball, ...build } of found) {
    const { name } = build.manifest
    const builds = (known?.packages[name] ?? []).filter(({ file }) => existsSync(join(folder, file)))
    const same = builds.find(({ integrity }) => integrity === build.integrity)
    const current = same ?? { ...build, file: toFileName(build, builds) }
    if (!same) await replaceFile(join(folder, current.file), tarball)
    index.packages[name] = prune([current, ...builds.filter((other) => other !== same)])
  }
  await replaceFile(join(folder, INDEX), JSON.stringify(index))
  await removeOthers(folder, index)
  return true
}

/**
 * @param {string} folder
 * @returns {Promise<(Build & { tarball: Buffer })[]>}
 */
async function buildAll(folder) {
  // The server's package has no builders.
  const { listPublic, pack } = await import('./pack.mjs')
  const built = []
  for (const source of await listPublic()) {
    const { tarball, ...packed } = await pack(source, join(folder, `${WORK}${process.pid}-${basename(source)}`))
    const integrity = toIntegrity(tarball)
    const shasum = createHash('sha1').update(tarball).digest('hex')
    built.push({ ...packed, tarball, file: toPlainName(packed.manifest), integrity, shasum, size: tarball.length })
  }
  return built
}

/** The start of the names of folders in which packages are built. */
const WORK = '.build-'

/**
 * @param {string} folder
 * @param {Index} index
 */
const readBuilds = (folder, { packages }) =>
  Promise.all(
    Object.values(packages).flatMap(([newest]) =>
      newest ? [readFile(join(folder, newest.file)).then((tarball) => ({ ...newest, tarball }))] : [],
    ),
  )

/** @param {import('./pack.mjs').Manifest} manifest */
const toPlainName = ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`

/**
 * Returns the file name of a new build. Users' lock files have the hash of the first build of a version, so another one
 * has a part of its own hash in its name.
 *
 * @param {Build} build
 * @param {readonly Build[]} builds
 */
function toFileName({ manifest, shasum }, builds) {
  const plain = toPlainName(manifest)
  return builds.some(({ file }) => file === plain) ? plain.replace(/\.tgz$/, `+${shasum.slice(0, 8)}.tgz`) : plain
}

/**
 * Returns builds without old ones of versions that were built often. The first build of a version always stays.
 *
 * @param {readonly Build[]} builds
 */
function prune(builds) {
  /** @type {Record<string, number>} */
  const counts = {}
  return builds.filter(({ file, manifest }) => {
    const count = (counts[manifest.version] ?? 0) + 1
    counts[manifest.version] = count
    return count <= MAX_BUILDS || file === toPlainName(manifest)
  })
}

/**
 * Removes what the index doesn't name: old builds, and folders that an interrupted build left.
 *
 * @param {string} folder
 * @param {Index} index
 */
async function removeOthers(folder, index) {
  const names = new Set([INDEX, ...Object.values(index.packages).flatMap((builds) => builds.map(({ file }) => file))])
  for (const name of await readdir(folder)) {
    if (!names.has(name)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/**
 * @param {string} folder
 * @param {Index} index
 */
const isComplete = (folder, { packages }) =>
  Object.values(packages).every((builds) => builds.every(({ file }) => existsSync(join(folder, file))))

/**
 * Returns the index of a folder of packages, or `undefined` if the folder has none.
 *
 * @param {string} folder
 * @returns {Promise<Index | undefined>}
 */
export async function readIndex(folder) {
  try {
    return JSON.parse(await readFile(join(folder, INDEX), 'utf8'))
  } catch {
    return undefined
  }
}

/** Hashes the sources of all packages, and the versions of the programs that build them. */
async function hashSources() {
  const hash = createHash('sha256')
  const entries = await readdir(packages, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(repository, join(parentPath, name)).replaceAll('\\', '/'))
    .filter((file) => !NO_SOURCE.test(file))
    .sort()
  for (const file of [...files, 'LICENSE', 'package-lock.json']) {
    hash.update(`${file}\0`).update(await readFile(join(repository, file)))
  }
  return hash.digest('hex')
}

const NO_SOURCE = /\/(node_modules|dist|test|\.[^/]*)(\/|$)|\.test\.ts$|^packages\/[^/]+\/LICENSE$/

/**
 * @param {string} path
 * @param {string | Buffer} content
 */
async function replaceFile(path, content) {
  const draft = `${path}.${process.pid}`
  await writeFile(draft, content)
  await rename(draft, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, prebuilt] = process.argv.slice(2)
  if (folder === undefined) throw new Error('Pass the folder of the packages.')
  const hasChanged = await offerPackages(resolve(folder), prebuilt && resolve(prebuilt))
  process.stdout.write(hasChanged ? 'built\n' : 'unchanged\n')
}
