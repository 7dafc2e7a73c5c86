import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { programs } from '../../apps/console/src/pages/database/connect/snippets.ts'
import { buildPackage } from '../../packages/build.mjs'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { generateClient } from './prisma/client.ts'

const ns = uniqueName('acme')

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc')
const run = promisify(execFile)
const names = ['drizzle', 'endpoint-spec', 'kysely', 'langgraph', 'prisma']
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

const listBlocks = (text: string, language: string) =>
  [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].flatMap(([, name, code = '']) => (name === language ? [code] : []))

const clientGenerator = 'generator client {\n  provider = "prisma-client"\n  output = "./generated"\n}'

/** Compiles a program as a user would, runs it and returns its output. */
async function runProgram(folder: string, name: string, code: string): Promise<string> {
  const file = join(folder, `${name}.mts`)
  await writeFile(file, code)
  const options = '--ignoreConfig --strict --noEmit --skipLibCheck --module nodenext --target es2024 --types node'
  await run(process.execPath, [tsc, ...options.split(' '), file], { cwd: root })
  // The generated Prisma Client is TypeScript.
  const entry = { contents: code, resolveDir: folder, loader: 'ts' } as const
  const bundling = { bundle: true, packages: 'external', format: 'esm', platform: 'node', target: 'es2022' } as const
  await build({ ...bundling, stdin: entry, outfile: join(folder, `${name}.mjs`) })
  const env = { ...process.env, PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  return (await run(process.execPath, [join(folder, `${name}.mjs`)], { cwd: folder, env })).stdout
}

/** Writes a migration as drizzle-kit does. */
async function writeMigration(folder: string): Promise<void> {
  await mkdir(join(folder, 'meta'), { recursive: true })
  const entries = [{ idx: 0, version: '6', when: 1, tag: '0000_tags', breakpoints: true }]
  await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify({ version: '7', dialect: 'sqlite', entries }))
  await writeFile(join(folder, '0000_tags.sql'), 'CREATE TABLE tags (id INTEGER PRIMARY KEY)')
}

test.each(names)('the examples in the README of @persql/%s compile and run as they stand', async (name) => {
  const text = await readFile(join(root, 'packages', name, 'README.md'), 'utf8')
  const code = listBlocks(text, 'ts').join('\n')
  const [schema] = listBlocks(text, 'prisma')
  if (schema) await generateClient(app, schema)
  if (name === 'drizzle') await writeMigration(join(app, 'drizzle'))
  const stdout = await runProgram(app, name, code.replace('acme/main', `${ns}/${name}`))
  expect(stdout).toMatch(
    {
      drizzle: /name: 'Ada'[\s\S]*2 2/,
      'endpoint-spec': /^find_guests$/m,
      kysely: /name: 'Ada'/,
      langgraph: /answer: 'yes'/,
      prisma: /^2$/m,
    }[name] ?? /^$/,
  )
})

test('the example of the quickstart for Prisma compiles and runs', async () => {
  const code = listBlocks(await readFile(join(root, 'docs/quickstart/prisma.md'), 'utf8'), 'ts').join('\n')
  const model = 'model account {\n  id Int @id\n  balance Int\n}\n'
  const folder = join(app, 'quickstart')
  await generateClient(folder, `datasource db {\n  provider = "sqlite"\n}\n${clientGenerator}\n${model}`)
  const db = platform.database(ns, 'quickstart', token)
  for (const sql of [
    'CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER)',
    'INSERT INTO account VALUES (1, 25)',
  ]) {
    expect((await db.query(sql)).status).toBe(200)
  }
  await runProgram(folder, 'quickstart', code.replace('acme/main', `${ns}/quickstart`))
  expect((await db.query('SELECT balance FROM account')).body.data.rows).toEqual([[15]])
})

test('the example for Prisma on the Connect page runs', async () => {
  const target = { origin: platform.url, address: `${ns}/connect`, toPackageSpec: (name: string) => name }
  const steps = programs(target).find(({ id }) => id === 'prisma')?.steps ?? []
  const getCode = (label: string) => steps.find((step) => step.label === label)?.code ?? ''
  const folder = join(app, 'connect')
  await generateClient(folder, getCode('schema.prisma'))
  await writeFile(join(folder, 'prisma.mjs'), getCode('prisma.mjs'))
  const env = { ...process.env, PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  expect((await run(process.execPath, [join(folder, 'prisma.mjs')], { env })).stdout).toContain("greeting: 'hello'")
})

test('require finds them, too', async () => {
  const files = ['drizzle', 'kysely', 'langgraph', 'prisma', 'drizzle/migrator'].map(
    (name) => `require('@persql/${name}')`,
  )
  await writeFile(join(app, 'all.cjs'), `console.log([${files}].flatMap(Object.keys).join())`)
  const { stdout } = await run(process.execPath, [join(app, 'all.cjs')])
  expect(stdout.trim()).toBe('drizzle,PerSQLDialect,PerSQLSaver,PrismaPerSQL,migrate')
})
