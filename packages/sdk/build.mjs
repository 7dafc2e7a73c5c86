// @ts-check
import { chmod, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { declare } from '../declarations.mjs'

const folder = dirname(fileURLToPath(import.meta.url))
const source = join(folder, 'src')

/** Modules that load on demand, by their output file. */
const later = Object.fromEntries(
  [
    'local/index.ts',
    'subscribe.ts',
    'run-table-tool.ts',
    'import-file.ts',
    'poll.ts',
    'network-error.ts',
    'branch.ts',
    'driver.ts',
    'transaction.ts',
  ].map((file) => [file.replace(/(\/index)?\.ts$/, '.js'), file]),
)
const shared = /\/(client|errors|values|tools|http|bind-routes)\.ts$/

/**
 * Keeps the core in one file: modules that load on demand are built separately and import shared code from the core.
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
 * Builds the package for publishing: ES modules, CommonJS modules and declarations.
 *
 * @param {string} dist
 */
export async function buildTo(dist) {
  await rm(dist, { recursive: true, force: true })
  const common = /** @type {const} */ ({ bundle: true, target: 'es2022', logLevel: 'error', legalComments: 'none' })
  const esm = { ...common, outdir: dist, format: /** @type {const} */ ('esm'), external: ['node:*'] }
  await build({ ...esm, entryPoints: [join(source, 'core.ts')], plugins: [parts(true)] })
  const entries = { 'index.js': 'index.ts', 'webhooks.js': 'webhooks.ts', 'codegen.js': 'codegen/main.ts' }
  const entryPoints = Object.entries({ ...later, ...entries })
  await build({
    ...esm,
    entryPoints: entryPoints.map(([out, file]) => ({ in: join(source, file), out: out.replace(/\.js$/, '') })),
    plugins: [parts(false)],
  })
  const cjs = join(dist, 'cjs')
  await build({
    ...common,
    entryPoints: ['index.ts', 'webhooks.ts'].map((file) => join(source, file)),
    outdir: cjs,
    format: 'cjs',
    platform: 'node',
    supported: { 'dynamic-import': true },
  })
  for (const out of [dist, cjs]) await declare(source, ['index.ts', 'webhooks.ts'], out)
  await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
  await chmod(join(dist, 'codegen.js'), 0o755)
}

/**
 * Bundles a file as an app would, with separate chunks for modules that load on demand. Returns the chunks by name.
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
