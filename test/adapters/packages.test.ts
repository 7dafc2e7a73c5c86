import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../packages/build.mjs'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc')
const run = promisify(execFile)
const names = ['drizzle', 'kysely', 'langgraph']
let platform: SharedPlatform
let token: string
/** The folder of an app with the packages as they are published. */
let app: string

beforeAll(async () => {
  await mkdir(join(root, 'node_modules/.tmp'), { recursive: true })
  app = await mkdtemp(join(root, 'node_modules/.tmp/adapters-'))
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
  for (const name of ['sdk', ...names]) {
    const installed = join(app, 'node_modules/@persql', name)
    await mkdir(installed, { recursive: true })
    await cp(join(root, 'packages', name, 'package.json'), join(installed, 'package.json'))
    const dist = join(installed, 'dist')
    await buildPackage(join(root, 'packages', name), dist)
  }
})
afterAll(async () => {
  await platform?.stop()
  await rm(app, { recursive: true, force: true })
})

test.each(names)('the examples in the README of @persql/%s compile and run as they stand', async (name) => {
  const text = await readFile(join(root, 'packages', name, 'README.md'), 'utf8')
  const code = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, example]) => example).join('\n')
  const file = join(app, `${name}.mts`)
  await writeFile(file, code)
  const options = '--ignoreConfig --strict --noEmit --skipLibCheck --module nodenext --target es2024 --types node'
  await run(process.execPath, [tsc, ...options.split(' '), file], { cwd: root })

  const script = code.replace('acme/main', `${ns}/${name}`)
  await writeFile(join(app, `${name}.mjs`), (await transform(script, { loader: 'ts', target: 'es2022' })).code)
  const env = { ...process.env, PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  const { stdout } = await run(process.execPath, [join(app, `${name}.mjs`)], { env })
  expect(stdout).toMatch(
    { drizzle: /name: 'Ada'[\s\S]*2 2/, kysely: /name: 'Ada'/, langgraph: /answer: 'yes'/ }[name] ?? /^$/,
  )
})

test('require finds them, too', async () => {
  const files = [...names, 'drizzle/migrator'].map((name) => `require('@persql/${name}')`)
  await writeFile(join(app, 'all.cjs'), `console.log([${files}].flatMap(Object.keys).join())`)
  const { stdout } = await run(process.execPath, [join(app, 'all.cjs')])
  expect(stdout.trim()).toBe('drizzle,PerSQLDialect,PerSQLSaver,migrate')
})
