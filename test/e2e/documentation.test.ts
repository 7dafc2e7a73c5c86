import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../packages/build.mjs'
import { type CodeBlock, findFiles, listBlocks, readPage } from '../../tools/docs/pages.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc')

const pages = ['README.md', ...findFiles('docs', /\.md$/)].filter((page) =>
  listBlocks(readPage(page)).some(({ info }) => info.endsWith(' test')),
)
let platform: TestPlatform
let token: string
/** An app that has the SDK installed as it is published. */
let app: string

beforeAll(async () => {
  await mkdir(join(root, 'node_modules/.tmp'), { recursive: true })
  app = await mkdtemp(join(root, 'node_modules/.tmp/docs-'))
  const installed = join(app, 'node_modules/@persql/sdk')
  await mkdir(installed, { recursive: true })
  await cp(join(root, 'packages/sdk/package.json'), join(installed, 'package.json'))
  await buildPackage(join(root, 'packages/sdk'), join(installed, 'dist'))
  platform = await startPlatform()
  token = (await platform.createNamespace('acme')).token
})
afterAll(async () => {
  await platform?.stop()
  await rm(app, { recursive: true, force: true })
})

test('the README and at least twenty pages have examples that run', () => {
  expect(pages).toContain('README.md')
  expect(pages.length).toBeGreaterThan(20)
})

// All pages use one database, like a reader who follows them one after the other.
test.each(pages)('the examples of %s run as they stand and return the output on the page', async (page) => {
  const blocks = listBlocks(readPage(page)).filter(({ info }) => info.endsWith(' test'))
  await runShell(blocks)
  await runTypeScript(blocks)
  await runPython(blocks)
})

/** Runs the shell blocks of a page one after the other, and compares each with the JSON block behind it. */
async function runShell(blocks: CodeBlock[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'persql-docs-'))
  try {
    await mkdir(join(folder, 'data'))
    const bootstrap = { url: platform.url, namespace: 'acme', database: 'main', token }
    await writeFile(join(folder, 'data/bootstrap.json'), JSON.stringify(bootstrap))
    await writeFile(join(folder, 'data/secret'), platform.secret)
    const script = blocks
      .filter(({ info }) => info === 'sh test')
      .map(({ code }) => `${code.replaceAll('http://127.0.0.1:8787', platform.url)}\necho '${MARK}'`)
    // Response bodies end without a newline, and a block can have several calls.
    const curl = 'curl() { command curl -sS "$@"; echo; }'
    const text = ['set -euo pipefail', curl, ...script].join('\n')
    const env = { PATH: process.env.PATH, HOME: folder, TOKEN: token }
    const { stdout } = await run('bash', ['-c', text], { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 })
    const outputs = stdout.split(`${MARK}\n`)
    blocks.forEach(({ info, code }, i) => {
      if (info !== 'sh test') return
      const lines = (outputs.shift() ?? '').trim().split('\n')
      const shown = blocks[i + 1]?.info === 'json test' ? blocks[i + 1]?.code : undefined
      if (shown !== undefined) expectShown(JSON.parse(lines.pop() ?? ''), JSON.parse(shown), code)
      expect(lines.join('\n'), code).not.toMatch(/"(success|ok)": ?false/)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const MARK = '--- end of the block ---'

/** Compares a response with what a page shows: "…" stands for any text, and durations differ. */
function expectShown(actual: unknown, shown: unknown, where: string): void {
  expect(masked(actual, shown), where).toEqual(masked(shown, shown))
}

function masked(value: unknown, shown: unknown, name = ''): unknown {
  if (name === 'durationMs' && typeof value === 'number') return 0
  if (typeof shown === 'string' && shown.includes('…') && typeof value === 'string') return '…'
  if (Array.isArray(value)) return value.map((item, i) => masked(item, Array.isArray(shown) ? shown[i] : undefined))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object(shown) as Record<string, unknown>
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, fields[key], key)]))
}

/** Compiles the TypeScript blocks of a page as one program, runs it, and compares its output with the comments. */
async function runTypeScript(blocks: CodeBlock[]): Promise<void> {
  const code = joinBlocks(blocks, 'ts test').replaceAll('http://127.0.0.1:8787', platform.url)
  if (code === '') return
  await compile(code)
  const script = join(app, 'example.mjs')
  await writeFile(script, (await transform(code, { loader: 'ts', target: 'es2022' })).code)
  const env = { ...process.env, PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  const { stdout } = await run(process.execPath, [script], { env })
  expectPrinted(stdout, code, /console\.log\(.*\) \/\/ (.*)$/gm)
}

async function compile(code: string): Promise<void> {
  const file = join(app, 'example.mts')
  await writeFile(file, code)
  const options = '--ignoreConfig --strict --noEmit --skipLibCheck --module nodenext --target es2024 --types node'
  await run(process.execPath, [tsc, ...options.split(' '), file], { cwd: root })
}

/** Pages with blocks that wait for an event, or that another program calls. */
const compiled = ['docs/guides/libsql.md', 'docs/guides/realtime.md', 'docs/guides/webhooks.md']
test.each(compiled)('the examples of %s that do not run here compile', async (page) => {
  const code = joinBlocks(listBlocks(readPage(page)), 'ts')
  expect(code).not.toBe('')
  await compile(code)
})

/** Runs the Python blocks of a page as one program, and compares its output with the comments. */
async function runPython(blocks: CodeBlock[]): Promise<void> {
  const code = joinBlocks(blocks, 'py test')
  if (code === '') return
  const env = { PATH: process.env.PATH, TOKEN: token }
  const { stdout } = await run('python3', ['-c', code.replaceAll('http://127.0.0.1:8787', platform.url)], { env })
  expectPrinted(stdout, code, /print\(.*\) {2}# (.*)$/gm)
}

const joinBlocks = (blocks: CodeBlock[], info: string): string =>
  blocks
    .filter((block) => block.info === info)
    .map((block) => block.code)
    .join('\n')

/** Compares an output with the comments behind the calls that print it. */
function expectPrinted(stdout: string, code: string, comment: RegExp): void {
  expect(stdout.trim().split('\n')).toEqual([...code.matchAll(comment)].map(([, text]) => text))
}
