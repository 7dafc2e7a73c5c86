import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type BuildOptions, build, type OutputFile } from 'esbuild'
import manifest from '../../../packages/server/package.json' with { type: 'json' }
import { type BuiltFiles, readerModule } from './built-files.ts'
import { repository } from './paths.ts'

/**
 * Bundles the platform Worker and its workspace packages into one module at `outfile`, with WebAssembly files next to
 * it. `checkout` is the repository that has the sources and packages.
 */
export async function buildPlatform(outfile: string, checkout = repository): Promise<string> {
  const { outputFiles } = await build(platformBuild(outfile, checkout))
  await writeModules(outputFiles)
  return outfile
}

/** Returns the esbuild options that bundle the platform Worker to `outfile`, and the readers' Worker next to it. */
export function platformBuild(outfile: string, checkout = repository): BuildOptions & { write: false } {
  const reader = join(checkout, 'apps/platform/src/reader.ts')
  return {
    absWorkingDir: checkout,
    entryPoints: {
      [basename(outfile, '.mjs')]: join(checkout, 'apps/platform/src/index.ts'),
      // The checkout that a benchmark compares with can be older than the readers.
      ...(existsSync(reader) && { [basename(readerModule, '.mjs')]: reader }),
    },
    outdir: dirname(outfile),
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['persql-source', 'workerd', 'worker', 'import'],
    external: ['cloudflare:*', 'node:*'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    legalComments: 'none',
    // A process reads the bundle at each start. Names stay, for the stack traces in the log.
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'error',
  }
}

/** Bundles the programs that the launcher starts for single tasks. */
export async function buildTasks({ hashing, vacuum }: Pick<BuiltFiles, 'hashing' | 'vacuum'>): Promise<void> {
  await Promise.all([hashingBuild(hashing), vacuumBuild(vacuum)].map(writeBuild))
}

/** Bundles and writes what the options say. */
export async function writeBuild(options: BuildOptions & { write: false }): Promise<void> {
  const { outputFiles } = await build(options)
  await writeModules(outputFiles)
}

/** Returns the esbuild options that bundle the program that hashes passwords to `outfile`. */
export const hashingBuild = (outfile: string) => taskBuild('apps/launcher/src/hashing/program.ts', outfile)

/** Returns the esbuild options that bundle the program that runs a VACUUM to `outfile`. */
export const vacuumBuild = (outfile: string) => taskBuild('apps/launcher/src/vacuum/program.ts', outfile)

function taskBuild(entry: string, outfile: string): BuildOptions & { write: false } {
  return {
    absWorkingDir: repository,
    entryPoints: [join(repository, entry)],
    outfile,
    write: false,
    bundle: true,
    // Node loads CommonJS without its thread pool, whose threads must start after the priority is set.
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'error',
  }
}

/**
 * Returns the esbuild options that bundle the server's program, with all commands, to `outfile`. Only the dependencies of
 * the package @persql/server aren't in it.
 */
export function programBuild(outfile: string): BuildOptions & { write: false } {
  return {
    absWorkingDir: repository,
    entryPoints: [join(repository, 'apps/launcher/src/server.ts')],
    outfile,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: Object.keys(manifest.dependencies),
    legalComments: 'none',
    logLevel: 'error',
  }
}

/** Writes each module of a build atomically: another launcher or test can read it at the same time. */
export async function writeModules(modules: readonly OutputFile[]): Promise<void> {
  for (const { path, contents } of modules) {
    await mkdir(dirname(path), { recursive: true })
    const draft = `${path}.${process.pid}`
    await writeFile(draft, contents)
    await rename(draft, path)
  }
}
