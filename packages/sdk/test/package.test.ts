import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { buildTo, bundleApp } from '../build.mjs'
import * as sdk from '../src/index.ts'
import * as webhooks from '../src/webhooks.ts'

const here = dirname(fileURLToPath(import.meta.url))
const tsc = join(here, '../../../node_modules/typescript/bin/tsc')
const LIMIT = 6 * 1024

let folder: string
/** The folder of the package as an app installs it. */
let installed: string
let platform: TestPlatform

beforeAll(async () => {
  await mkdir(join(here, '../../../node_modules/.tmp'), { recursive: true })
  // Outside of the package, where its name would resolve to itself.
  folder = await mkdtemp(join(here, '../../../node_modules/.tmp/package-'))
  installed = join(folder, 'node_modules/@persql/sdk')
  ;[platform] = await Promise.all([startPlatform(), buildTo(join(installed, 'dist'))])
  await writeFile(join(installed, 'package.json'), await readFile(join(here, '../package.json')))
})
afterAll(async () => {
  await platform?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the core adds at most 6 KB to an app, minified and compressed', async () => {
  await writeFile(
    join(folder, 'main.js'),
    `import { PerSQL } from '@persql/sdk'\nnew PerSQL().database('a/b').query('SELECT 1')\n`,
  )
  const { files, metafile } = await bundleApp(join(folder, 'main.js'), true)
  const outputs = metafile.outputs
  // The modules that load at startup: the entry and its static imports.
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

test('its declarations work with import and require, in browsers and Node', async () => {
  const code = `import { type Database, PerSQL, type PerSQLDatabase, PerSQLError, type Row } from '@persql/sdk'
import { verifyWebhook, type WebhookEvent } from '@persql/sdk/webhooks'
export const persql: PerSQL = new PerSQL({ token: 't' })
export const rows = async (): Promise<Row[]> => (await persql.database('a/b').query('SELECT 1')).data
export const handle: PerSQLDatabase = persql.database('a', 'b.ref')
export const alias: Database = handle
export const failed = (error: unknown): string | undefined => (error instanceof PerSQLError ? error.detail?.kind : undefined)
export const events: Promise<WebhookEvent> = verifyWebhook('s', new Headers(), '')
export const hook = async (): Promise<string> => (await persql.database('a/b').webhooks.list())[0]?.secret ?? ''
export const merged = async (): Promise<boolean> => (await persql.database('a/b').branches.merge('x')).applied
// @ts-expect-error no such event
persql.database('a/b').webhooks.create({ name: 'n', url: 'u', events: ['x'] })
// @ts-expect-error a number is not a statement
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

const examples = async () =>
  [...(await readFile(join(here, '../README.md'), 'utf8')).matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code = '']) => code,
  )
const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>

test('the examples of its README compile unchanged', async () => {
  const codes = await examples()
  const files = codes.map((_, index) => join(folder, `example-${index}.mts`))
  await Promise.all(
    codes.map((code, index) => {
      const declared = ['PerSQL', 'PerSQLDatabase'].map((name) => `type ${name} as Its${name}`)
      const given = ['persql: ItsPerSQL', 'db: ItsPerSQLDatabase'].filter(
        (one) => !new RegExp(`const ${one.split(':')[0]} =`).test(code),
      )
      const header = `import { ${declared} } from '@persql/sdk'\n${given.map((one) => `declare const ${one}\n`).join('')}`
      return writeFile(files[index] as string, `${header}${code}\nexport type { ItsPerSQL, ItsPerSQLDatabase }\n`)
    }),
  )
  const options = '--ignoreConfig --strict --noEmit --skipLibCheck --module nodenext --target es2024 --types node'
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options.split(' '), ...files], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, ''])
})

test('the examples of its README run unchanged, in order', async () => {
  const owner = await platform.signUp('acme@example.com')
  const { body } = await owner.request('/api/namespaces/acme/tokens', { body: { name: 'readme' } })
  const environment = { PERSQL_API_URL: platform.url, PERSQL_TOKEN: body.data.token }
  Object.assign(process.env, environment)
  vi.stubGlobal('WebSocket', WebSocket)
  const main = new sdk.PerSQL().database('acme/main')
  const load = (name: string) =>
    ({ '@persql/sdk': sdk, '@persql/sdk/webhooks': webhooks })[name] ?? import(/* @vite-ignore */ name)
  const logged: unknown[][] = []
  const log = (...values: unknown[]) => {
    logged.push(values)
    const [, approvalToken] = /\/approve\/(.+)$/.exec(String(values.at(-1))) ?? []
    if (approvalToken) owner.request(`/api/approvals/${approvalToken}/approve`, { body: {} })
  }
  try {
    const all = await examples()
    expect(all.length).toBeGreaterThan(12)
    for (const code of all) {
      const text = code
        .replace(/^import (\{ .* \}) from ('.*')$/gm, 'const $1 = await load($2)')
        .replace(/^export /gm, '')
      const { code: javascript } = await transform(`async () => {${text}}`, { loader: 'ts', target: 'es2022' })
      const names = ['load', 'persql', 'db', 'console']
      const run = new AsyncFunction(...names, `await (${javascript.replace(/;\s*$/, '')})()`)
      const ran = run(load, new sdk.PerSQL(), main, { log })
      if (!code.includes('local:')) await ran
      // Without a suitable SQLite, local mode reports the reason.
      else await ran.catch(({ code }) => expect(code).toBe('no_local_engine'))
    }
    expect((await main.tables()).map(({ name }) => name)).toEqual(['copies', 'people'])
    expect(logged).toContainEqual([[{ table: 'people', kind: 'insert' }]])
    expect((await main.query('SELECT name FROM people ORDER BY id')).rows).toEqual([['Lovelace'], ['Emmy']])
  } finally {
    vi.unstubAllGlobals()
    for (const name of Object.keys(environment)) delete process.env[name]
  }
})
