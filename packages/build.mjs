// @ts-check
import { execFileSync } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Builds a package for publishing: ES modules, CommonJS modules and declarations. Dependencies are not bundled.
 *
 * @param {string} folder
 * @param {string} dist
 */
export async function buildPackage(folder, dist) {
  await rm(dist, { recursive: true, force: true })
  const { exports } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const sources = Object.values(exports).map((target) => target['persql-source'])
  const entryPoints = sources.filter((file) => file).map((file) => join(folder, file))
  const common = /** @type {const} */ ({ bundle: true, target: 'es2022', packages: 'external', logLevel: 'error' })
  const cjs = join(dist, 'cjs')
  await build({ ...common, entryPoints, outdir: dist, format: 'esm', splitting: true, chunkNames: 'shared-[hash]' })
  await build({ ...common, entryPoints, outdir: cjs, format: 'cjs', platform: 'node' })
  for (const out of [dist, cjs]) await declare(folder, out)
  await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
}

const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc')

/**
 * Writes the declarations of a package. They import each other with the extension `.js`.
 *
 * @param {string} folder
 * @param {string} out
 */
export async function declare(folder, out) {
  // The types of all exports are explicit, so each file's declarations need no other file.
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--noCheck', '--noResolve']
  const source = join(folder, 'src')
  execFileSync(process.execPath, [tsc, '--project', folder, ...options, '--rootDir', source, '--outDir', out])
  const files = (await readdir(out)).filter((file) => file.endsWith('.d.ts'))
  for (const file of files) {
    const text = await readFile(join(out, file), 'utf8')
    await writeFile(join(out, file), text.replace(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(process.cwd(), join(process.cwd(), 'dist'))
