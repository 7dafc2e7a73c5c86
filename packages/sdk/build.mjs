// @ts-check
import { execFileSync } from 'node:child_process'
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = dirname(fileURLToPath(import.meta.url))
const source = join(folder, 'src')

/** What is loaded when it is wanted, by the file it is built into. */
const later = { 'local.js': 'local/index.ts', 'subscribe.js': 'subscribe.ts', 'run-table-tool.js': 'run-table-tool.ts' }
const shared = /\/(client|errors|values|tools|http)\.ts$/

/**
 * Keeps the core in one file: what is loaded later is built apart, and takes from the core what it shares with it.
 *
 * @param {boolean} core
 * @returns {import('esbuild').Plugin}
 */
const parts = (core) => ({
  name: 'parts',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, kind }) => {
      const [file] = Object.entries(later).find(([, source]) => path === `./${source}`) ?? []
      if (kind === 'dynamic-import' && file) return { path: `./${file}`, external: true }
      return core || !shared.test(path) ? undefined : { path: './core.js', external: true }
    })
  },
})

/**
 * Builds the package for publishing: ES modules, the same for `require`, and declarations.
 *
 * @param {string} dist
 */
export async function buildSdk(dist) {
  await rm(dist, { recursive: true, force: true })
  const common = /** @type {const} */ ({ bundle: true, target: 'es2022', logLevel: 'error', legalComments: 'none' })
  const esm = { ...common, outdir: dist, format: /** @type {const} */ ('esm'), external: ['node:*'] }
  await build({ ...esm, entryPoints: [join(source, 'core.ts')], plugins: [parts(true)] })
  const entryPoints = Object.entries({ ...later, 'index.js': 'index.ts', 'codegen.js': 'codegen/main.ts' })
  await build({
    ...esm,
    entryPoints: entryPoints.map(([out, file]) => ({ in: join(source, file), out: out.replace(/\.js$/, '') })),
    plugins: [parts(false)],
  })
  const cjs = join(dist, 'cjs')
  await build({
    ...common,
    entryPoints: [join(source, 'index.ts')],
    outdir: cjs,
    format: 'cjs',
    platform: 'node',
    supported: { 'dynamic-import': true },
  })
  for (const out of [dist, cjs]) await declare(out)
  await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
  await chmod(join(dist, 'codegen.js'), 0o755)
}

/**
 * Writes the declarations. They name each other as they will be found: by `.js`.
 *
 * @param {string} out
 */
async function declare(out) {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace('package.json', 'bin/tsc')
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rootDir', source, '--outDir', out]
  execFileSync(process.execPath, [tsc, '--project', folder, ...options], { stdio: 'inherit' })
  await rm(join(out, 'local'), { recursive: true, force: true })
  const files = (await readdir(out)).filter((file) => file.endsWith('.d.ts'))
  for (const file of files) {
    const text = await readFile(join(out, file), 'utf8')
    await writeFile(join(out, file), text.replace(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
  }
}

/**
 * Bundles a file as an app would, in pieces that are loaded when they are wanted; answers them by name.
 *
 * @param {string} file
 * @param {boolean} minify
 */
export async function bundleApp(file, minify) {
  const options = /** @type {const} */ ({
    bundle: true,
    format: 'esm',
    splitting: true,
    target: 'es2022',
    write: false,
  })
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: dirname(file),
    entryPoints: { main: file },
    outdir: 'out',
    minify,
    metafile: true,
    external: ['node:*'],
  })
  return {
    files: new Map(outputFiles.map(({ path, contents }) => [relative(dirname(file), path), contents])),
    metafile,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSdk(join(folder, 'dist'))
