import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { buildSdk, bundleApp } from '../build.mjs'
import * as sdk from '../src/index.ts'

const here = dirname(fileURLToPath(import.meta.url))
const tsc = join(here, '../../../node_modules/typescript/bin/tsc')
const LIMIT = 6 * 1024

let folder: string
/** An app that has the package installed as it is published. */
let installed: string
let platform: TestPlatform

beforeAll(async () => {
  await mkdir(join(here, '../../../node_modules/.tmp'), { recursive: true })
  // Outside of the package: within it, its name leads to itself.
  folder = await mkdtemp(join(here, '../../../node_modules/.tmp/package-'))
  installed = join(folder, 'node_modules/@persql/sdk')
  ;[platform] = await Promise.all([startPlatform(), buildSdk(join(installed, 'dist'))])
  await writeFile(join(installed, 'package.json'), await readFile(join(here, '../package.json')))
})
afterAll(async () => {
  await platform?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('an app pays at most 6 KB for the core, minified and compressed', async () => {
  await writeFile(
    join(folder, 'main.js'),
    `import { PerSQL } from '@persql/sdk'\nnew PerSQL().database('a/b').query('SELECT 1')\n`,
  )
  const { files, metafile } = await bundleApp(join(folder, 'main.js'), true)
  const outputs = metafile.outputs
  // What is loaded at once: the entry, and what that imports without being asked.
  const needed = new Set(['out/main.js'])
  for (const file of needed) {
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') needed.add(path)
  }
  const sizes = [...needed].map((file) => gzipSync(files.get(file) ?? '', { level: 9 }).length)
  const size = sizes.reduce((sum, one) => sum + one)
  console.log(`@persql/sdk, core: ${size} bytes minified and compressed of ${LIMIT}`)
  expect(size).toBeLessThanOrEqual(LIMIT)
  expect(outputs[[...needed].at(-1) ?? '']?.inputs).not.toHaveProperty('local')
})

test('its declarations serve ES modules and require, in browsers as in Node', async () => {
  const code = `import { PerSQL, PerSQLError, type Row } from '@persql/sdk'
export const persql: PerSQL = new PerSQL({ token: 't' })
export const rows = async (): Promise<Row[]> => (await persql.database('a/b').query('SELECT 1')).data
export const failed = (error: unknown): string | undefined => (error instanceof PerSQLError ? error.detail?.kind : undefined)
// @ts-expect-error a number is no statement
persql.database('a/b').query(1)
`
  await writeFile(join(folder, 'esm.mts'), code)
  await writeFile(join(folder, 'cjs.cts'), code)
  const files = [join(folder, 'esm.mts'), join(folder, 'cjs.cts')]
  const options = [
    '--ignoreConfig',
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    '',
  ]
  execFileSync(process.execPath, [tsc, ...options, '--lib', 'es2022,dom,esnext.disposable', ...files], {
    stdio: 'pipe',
  })
})

test('the examples of its README run as they stand', async () => {
  const text = await readFile(join(here, '../README.md'), 'utf8')
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)
  expect(examples.length).toBeGreaterThan(5)
  const { token } = await platform.createNamespace('acme')
  process.env.PERSQL_API_URL = platform.url
  process.env.PERSQL_TOKEN = token
  try {
    const main = new sdk.PerSQL().database('acme/main')
    const AsyncFunction = (async () => {}).constructor as new (
      ...args: string[]
    ) => (...args: unknown[]) => Promise<void>
    for (const code of examples.filter((one) => !/^import .* from '(?!@persql\/sdk)|local:|subscribe/m.test(one))) {
      const body = code.replace(/^import \{ (.*) \} from '@persql\/sdk'$/gm, 'const { $1 } = sdk')
      const { code: javascript } = await transform(`async () => {${body}}`, { loader: 'ts', target: 'es2022' })
      const run = new AsyncFunction('sdk', 'persql', 'db', 'console', `await (${javascript.replace(/;\s*$/, '')})()`)
      await run(sdk, new sdk.PerSQL(), main, { log() {} })
    }
    expect((await main.tables()).map(({ name }) => name)).toEqual(['people'])
  } finally {
    delete process.env.PERSQL_API_URL
    delete process.env.PERSQL_TOKEN
  }
})
