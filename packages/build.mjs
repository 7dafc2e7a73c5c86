// @ts-check
import { existsSync } from 'node:fs'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { declare } from './declarations.mjs'

/**
 * Builds a package for publishing: ES modules, CommonJS modules and declarations. A package with a `build.mjs` builds
 * itself. Dependencies of the others are not bundled.
 *
 * @param {string} folder
 * @param {string} dist
 */
export async function buildPackage(folder, dist) {
  const own = join(folder, 'build.mjs')
  if (existsSync(own)) return (await import(pathToFileURL(own).href)).buildTo(dist)
  await rm(dist, { recursive: true, force: true })
  const modules = await readModules(folder)
  const entryPoints = modules.map((module) => join(folder, 'src', module))
  const common = /** @type {const} */ ({ bundle: true, target: 'es2022', packages: 'external', logLevel: 'error' })
  const cjs = join(dist, 'cjs')
  await build({ ...common, entryPoints, outdir: dist, format: 'esm', splitting: true, chunkNames: 'shared-[hash]' })
  await build({ ...common, entryPoints, outdir: cjs, format: 'cjs', platform: 'node' })
  for (const out of [dist, cjs]) await declare(join(folder, 'src'), modules, out)
  await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
}

/**
 * Returns the modules that a package exports, as paths in its `src`. Exports without a build are for this repository.
 *
 * @param {string} folder
 * @returns {Promise<string[]>}
 */
async function readModules(folder) {
  const { exports } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  return Object.values(exports)
    .filter((target) => target['persql-source'] && target.default)
    .map((target) => target['persql-source'].replace('./src/', ''))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.cwd()
  await buildPackage(folder, join(folder, 'dist'))
  // npm packs the license only from the folder of the package.
  await copyFile(join(dirname(fileURLToPath(import.meta.url)), '../LICENSE'), join(folder, 'LICENSE'))
}
