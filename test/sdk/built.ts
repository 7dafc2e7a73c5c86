import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTo, bundleApp } from '../../packages/sdk/build.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** Builds the package as it is published, in a temporary folder, with scripts that run the suite on it. */
export async function builtSdk() {
  const folder = await mkdtemp(join(tmpdir(), 'persql-sdk-'))
  const dist = join(folder, 'dist')
  await buildTo(dist)
  const { files } = await bundleApp(join(here, 'suite.ts'), false)
  await writeFile(join(folder, 'suite.mjs'), files.get('out/main.js') ?? '')
  const main = (load: string) => `${load}
const { runSuite } = await import('./suite.mjs')
const [options, namespace] = JSON.parse(process.argv[2])
const persql = new sdk.PerSQL(options)
const results = await runSuite({ sdk, open: (slug) => persql.database(namespace, slug), request: (...call) => persql.request(...call) })
await persql.close()
console.log(JSON.stringify(results))
process.exit(0)
`
  await writeFile(join(folder, 'esm.mjs'), main(`import * as sdk from './dist/index.js'`))
  const required = `import { createRequire } from 'node:module'\nconst sdk = createRequire(import.meta.url)('./dist/cjs/index.js')`
  await writeFile(join(folder, 'cjs.mjs'), main(required))
  return { folder, dist, remove: () => rm(folder, { recursive: true, force: true }) }
}
