import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorkerd } from '../../apps/launcher/src/workerd-process.ts'
import { type BrokenServer, startBrokenServers } from '../broken-servers.ts'
import { openPage, startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtSdk } from './built.ts'
import { cases } from './suite.ts'

const require = createRequire(import.meta.url)
const allHold = Object.fromEntries(Object.keys(cases).map((name) => [name, 'ok']))

let platform: TestPlatform
let sdk: Awaited<ReturnType<typeof builtSdk>>

beforeAll(async () => {
  ;[platform, sdk] = await Promise.all([startPlatform(), builtSdk()])
})
afterAll(async () => {
  await platform?.stop()
  await sdk?.remove()
})

/** Runs one of the scripts of the built package in a runtime. */
async function results(command: string[], script: 'esm.mjs' | 'cjs.mjs', options: object, namespace = 'local') {
  const [file = '', ...args] = [...command, join(sdk.folder, script), JSON.stringify([options, namespace])]
  const { stdout } = await promisify(execFile)(file, args, { env: { ...process.env, NODE_NO_WARNINGS: '1' } })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

async function onServer(namespace: string) {
  const { token } = await platform.createNamespace(namespace)
  return { token, baseURL: platform.url }
}

/** Returns the binary, which both runtimes ship in a package per platform. */
function binary(candidates: string[]): string {
  for (const candidate of candidates) {
    try {
      return require.resolve(candidate)
    } catch {}
  }
  throw new Error(`None of ${candidates.join(', ')} is installed.`)
}
const bun = [binary([`@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`])]
const deno = [
  binary(['-glibc', ''].map((libc) => `@deno/${process.platform}-${process.arch}${libc}/deno`)),
  'run',
  '--allow-all',
  '--no-config',
]
const node = [process.execPath]

test('Node runs it as an ES module and by require', async () => {
  expect(await results(node, 'esm.mjs', await onServer('node-esm'), 'node-esm')).toEqual(allHold)
  expect(await results(node, 'cjs.mjs', await onServer('node-cjs'), 'node-cjs')).toEqual(allHold)
})

test('Bun runs it', async () => {
  expect(await results(bun, 'esm.mjs', await onServer('bun'), 'bun')).toEqual(allHold)
})

test('Deno runs it', async () => {
  expect(await results(deno, 'esm.mjs', await onServer('deno'), 'deno')).toEqual(allHold)
})

test('local mode holds the same as the server, in memory', async () => {
  expect(await results(bun, 'esm.mjs', { local: ':memory:' })).toEqual(allHold)
  expect(await results(deno, 'esm.mjs', { local: ':memory:' })).toEqual(allHold)
  expect(await results(bun, 'cjs.mjs', { local: ':memory:' })).toEqual(allHold)
})

test('local mode ends transactions that are idle or open for too long', async () => {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'local-limits.ts')
  const [command = ''] = bun
  const { stdout } = await promisify(execFile)(command, ['--conditions=persql-source', file])
  expect(JSON.parse(stdout)).toEqual({
    idleCodes: ['ok', 'transaction_expired', 'transaction_expired', []],
    longCodes: ['ok', 'ok', 'ok', 'ok', 'transaction_expired'],
    written: [5],
    abandoned: 'transaction_expired',
    left: [5],
  })
})

test('local mode holds the same as the server, in files', async () => {
  expect(await results(bun, 'esm.mjs', { local: `${sdk.folder}/` })).toEqual(allHold)
  expect(existsSync(join(sdk.folder, 'local.case-0.sqlite'))).toBe(true)
})

test('a local file is one database and stays; what takes a server says so', async () => {
  await writeFile(
    join(sdk.folder, 'local.mjs'),
    `import { PerSQL } from './dist/index.js'
const open = () => new PerSQL({ local: process.argv[2] })
const code = (promise) => promise.then(() => 'ok', (error) => error.code)
const first = open()
await first.database('acme/main').query('CREATE TABLE t (n)')
await first.close()
const db = open().database('acme/main')
const given = [await db.tables()]
for (const call of [
  () => open().databases.list(),
  () => db.branches.claim(),
  () => db.approvalRules.list(),
  () => db.approvals.get('appr_1'),
  () => db.snapshots.list(),
  () => db.describe(),
  () => db.webhooks.list(),
  () => db.waitForChanges(),
  () => db.import('SELECT 1'),
  () => db.createSession({ userId: 1 }),
  () => open().database('acme', 'main.pr-42').tables(),
]) given.push(await code(call()))
const both = open()
await both.database('acme/main').tables()
given.push(await code(both.database('acme/other').tables()))
console.log(JSON.stringify(given))
`,
  )
  const [file = '', ...args] = [...bun, join(sdk.folder, 'local.mjs'), join(sdk.folder, 'one.sqlite')]
  const { stdout } = await promisify(execFile)(file, args)
  const refused = Array.from({ length: 11 }, () => 'not_available_locally')
  expect(JSON.parse(stdout)).toEqual([[{ name: 't', rowCount: 0 }], ...refused, 'one_local_database'])
})

test('Node has local mode with its own SQLite, or says what it takes', async () => {
  const able = Number(process.versions.node.split('.')[0]) >= 23
  const given = await results(node, 'esm.mjs', { local: ':memory:' })
  if (able) expect(given).toEqual(allHold)
  else
    expect(given['rows come as objects and as arrays, with counts and meta']).toMatch(
      /^(ok$|Local mode requires Node 22)/,
    )
})

test('failures of the network are named in Node, Bun and Deno, with the host', async () => {
  const servers = await startBrokenServers()
  await writeFile(
    join(sdk.folder, 'network.mjs'),
    `import { PerSQL, PerSQLError } from './dist/index.js'
const outcomes = {}
for (const [name, baseURL] of Object.entries(JSON.parse(process.argv[2]))) {
  const error = await new PerSQL({ token: 't', baseURL, maxRetries: 0 }).database('a/b').query('SELECT 1').catch((cause) => cause)
  outcomes[name] = [error instanceof PerSQLError && error.cause instanceof Error, error.code, error.message]
}
console.log(JSON.stringify(outcomes))
process.exit(0)
`,
  )
  const wanted: [name: BrokenServer, code: string, problem: string][] = [
    ['refused', 'network', 'connection refused'],
    ['untrusted', 'tls_failed', 'the TLS certificate is not trusted'],
    ['no TLS', 'tls_failed', 'the TLS handshake failed'],
    ['reset', 'network', 'connection reset'],
    ['closed', 'network', 'connection '],
    ['cut off', 'network', 'connection '],
  ]
  const urls = Object.fromEntries(wanted.map(([name]) => [name, servers.urls[name]]))
  try {
    for (const command of [node, bun, deno]) {
      const [file = '', ...args] = [...command, join(sdk.folder, 'network.mjs'), JSON.stringify(urls)]
      const { stdout } = await promisify(execFile)(file, args)
      const outcomes = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
      for (const [name, code, problem] of wanted) {
        const { host } = new URL(servers.urls[name])
        expect([name, ...outcomes[name]]).toEqual([name, true, code, expect.stringContaining(`${host}: ${problem}`)])
      }
    }
  } finally {
    await servers.stop()
  }
})

test('a Worker runs it', async () => {
  for (const name of ['run', 'run/console', 'run/docs', 'objects', 'packages']) await mkdir(join(sdk.folder, name))
  const parts = (await readdir(sdk.dist)).filter((file) => file.endsWith('.js') && file !== 'codegen.js')
  const modules = parts.map((part) => `(name = "${part}", esModule = embed "../dist/${part}")`)
  await writeFile(
    join(sdk.folder, 'worker.mjs'),
    `import * as sdk from './index.js'
import { runSuite } from './suite.mjs'
export default {
  async fetch(request) {
    const [options, namespace] = await request.json()
    const persql = new sdk.PerSQL(options)
    return Response.json(await runSuite({ sdk, open: (slug) => persql.database(namespace, slug), request: (...call) => persql.request(...call) }))
  },
}
`,
  )
  await writeFile(
    join(sdk.folder, 'run/workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "internet", network = (allow = ["public", "private"])), (name = "disk", disk = ()), (name = "console", disk = ()), (name = "docs", disk = ()), (name = "packages", disk = ()), (name = "results", disk = ())],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../worker.mjs"), (name = "suite.mjs", esModule = embed "../suite.mjs"), ${modules.join(', ')}],
  compatibilityDate = "2026-10-01",
);
`,
  )
  const workerd = await startWorkerd({
    data: sdk.folder,
    host: '127.0.0.1',
    port: 0,
    environment: {} as never,
    onStderr() {},
  })
  try {
    const body = JSON.stringify([await onServer('worker'), 'worker'])
    const response = await fetch(`http://127.0.0.1:${workerd.port}/`, { method: 'POST', body })
    expect(await response.json()).toEqual(allHold)
  } finally {
    await workerd.stop()
  }
})

test('a browser runs it', async () => {
  const options = await onServer('browser')
  const browser = await startBrowser()
  try {
    const page = await openPage(browser)
    await page.route(`${platform.url}/sdk/**`, async (route) => {
      const file = basename(new URL(route.request().url()).pathname)
      if (file === 'page') return route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>App</title>' })
      const body = await readFile(join(sdk.folder, file === 'suite.mjs' ? file : `dist/${file}`), 'utf8')
      return route.fulfill({ contentType: 'text/javascript', body })
    })
    await page.goto(`${platform.url}/sdk/page`)
    // As text: Vitest rewrites the imports of functions.
    const given = await page.evaluate(`(async () => {
      const [sdk, { runSuite }] = await Promise.all([import('/sdk/index.js'), import('/sdk/suite.mjs')])
      const persql = new sdk.PerSQL(${JSON.stringify(options)})
      return runSuite({ sdk, open: (slug) => persql.database('browser', slug), request: (...call) => persql.request(...call) })
    })()`)
    expect(given).toEqual(allHold)
  } finally {
    await browser.close()
  }
})
