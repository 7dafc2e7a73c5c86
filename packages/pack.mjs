// @ts-check
import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toTarball } from './tarball.mjs'

/** The folder of all packages. */
export const packages = dirname(fileURLToPath(import.meta.url))

/** @typedef {Record<string, any> & { name: string, version: string }} Manifest */
/** @typedef {{ manifest: Manifest, tarball: Buffer, unpackedSize: number, fileCount: number }} Packed */

/** The server has its own build. Instances serve packages for clients only. */
const SERVER = '@persql/server'

/**
 * Lists the folders of the packages for clients: all but private ones and the server.
 *
 * @returns {Promise<string[]>}
 */
export async function listPublic() {
  const entries = await readdir(packages, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(packages, name))
  const manifests = await Promise.all(folders.map(readManifest))
  return folders.filter((_folder, at) => !manifests[at]?.private && manifests[at]?.name !== SERVER).sort()
}

/**
 * Builds a package and returns its tarball: the build, package.json, the README and the license.
 *
 * @param {string} folder
 * @param {string} work a folder for the build, which is removed
 * @returns {Promise<Packed>}
 */
export async function pack(folder, work) {
  // Without a build, the builders and their native code don't load.
  const { buildPackage } = await import('./build.mjs')
  const manifest = toPublished(await readManifest(folder))
  const programs = new Set(Object.values(manifest.bin ?? {}))
  try {
    await buildPackage(folder, join(work, 'dist'))
    /** @type {[path: string, content: Buffer][]} */
    const contents = [
      ['package.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)],
      ['README.md', await readFile(join(folder, 'README.md'))],
      ['LICENSE', await readFile(join(packages, '../LICENSE'))],
      ...(await readFiles(work)),
    ]
    const files = contents.map(([path, content]) => ({ path, content, isProgram: programs.has(path) }))
    const unpackedSize = files.reduce((sum, { content }) => sum + content.length, 0)
    return { manifest, tarball: toTarball(files), unpackedSize, fileCount: files.length }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * @param {string} folder
 * @returns {Promise<Manifest>}
 */
async function readManifest(folder) {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
}

/**
 * Returns the manifest without what only this repository can use: scripts, development dependencies and exports of
 * sources.
 *
 * @param {Manifest} manifest
 * @returns {Manifest}
 */
function toPublished({ scripts: _scripts, devDependencies: _dev, exports, ...manifest }) {
  if (exports === undefined) return /** @type {Manifest} */ (manifest)
  const built = Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string') return [[path, target]]
    const { 'persql-source': _source, ...conditions } = target
    return Object.keys(conditions).length > 0 ? [[path, conditions]] : []
  })
  return /** @type {Manifest} */ ({ ...manifest, exports: Object.fromEntries(built) })
}

/**
 * @param {string} folder
 * @returns {Promise<[path: string, content: Buffer][]>}
 */
async function readFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return Promise.all(paths.map(async (path) => [relative(folder, path).replaceAll('\\', '/'), await readFile(path)]))
}
