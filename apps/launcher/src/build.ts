import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { platformBundle, repository } from './paths.ts'

/** Bundles the platform Worker, workspace packages included, into one module at `outfile`. */
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
    legalComments: 'none',
    logLevel: 'error',
  })
  // In one step: another launcher or test may be reading it.
  const draft = `${outfile}.${process.pid}`
  await mkdir(dirname(outfile), { recursive: true })
  await writeFile(draft, outputFiles[0]?.contents ?? '')
  await rename(draft, outfile)
  return outfile
}
