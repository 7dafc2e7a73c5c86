import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { platformBundle, repository } from './paths.ts'

/** Bundles the platform Worker, workspace packages included, into one module at `outfile`, with WebAssembly beside it. */
export async function buildPlatform(outfile = platformBundle): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: repository,
    entryPoints: [join(repository, 'apps/platform/src/index.ts')],
    outfile,
    write: false,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'import'],
    external: ['cloudflare:*', 'node:*'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    legalComments: 'none',
    logLevel: 'error',
  })
  await mkdir(dirname(outfile), { recursive: true })
  for (const { path, contents } of outputFiles) {
    // In one step: another launcher or test may be reading it.
    const draft = `${path}.${process.pid}`
    await writeFile(draft, contents)
    await rename(draft, path)
  }
  return outfile
}
