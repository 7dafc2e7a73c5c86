import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { listBlocks, readPage } from '../../tools/docs/pages.ts'
import { removeDataFolder } from '../data-folder.ts'
import { LauncherProcess } from '../launcher-process.ts'

const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(join(repository, 'packages/server/package.json'), 'utf8'))
const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'))

/** The folder with the packed package. */
let packed: string
/** An empty folder, in which a test installs it. */
let app: string
let launched: LauncherProcess | undefined

beforeAll(async () => {
  packed = await mkdtemp(join(tmpdir(), 'persql-packed-'))
  await run('npm', ['pack', '--workspace', 'packages/server', '--pack-destination', packed], { cwd: repository })
}, 300_000)
afterEach(async () => {
  if (launched) await stop(launched)
  launched = undefined
  await removeDataFolder(app)
})
afterAll(() => rm(packed, { recursive: true, force: true }))

async function install(...flags: string[]): Promise<void> {
  app = await mkdtemp(join(tmpdir(), 'persql-app-'))
  const [tarball = ''] = readdirSync(packed)
  await run('npm', ['install', join(packed, tarball), '--no-audit', '--no-fund', ...flags], { cwd: app })
}

/** Runs a command of the package as npx does. */
function npx(args: string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile('npx', ['persql-server', ...args], { cwd: app }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

/** Stops PerSQL itself, because npx is between it and this process. */
async function stop(launched: LauncherProcess): Promise<number | null> {
  const { launcher } = JSON.parse(readFileSync(join(app, 'data/lock'), 'utf8'))
  process.kill(launcher.pid, 'SIGINT')
  return launched.exitCode()
}

/** Runs the query of the README in the folder of the app, and returns the response. */
async function runReadme(url: string) {
  const [query] = listBlocks(readPage('README.md')).filter(({ info }) => info === 'sh test')
  const script = query?.code.replace('http://127.0.0.1:8787', url).replace('curl', 'curl -sS') ?? ''
  const { stdout } = await run('bash', ['-euc', script], { cwd: app })
  return JSON.parse(stdout)
}

test.each([
  ['without install scripts', ['--ignore-scripts']],
  ["with npm's defaults", []],
])(
  'the packed package, installed %s in an empty folder, starts and answers the README',
  async (_, flags) => {
    await install(...flags)
    await writeFile(join(app, '.env'), 'PORT=0\nPERSQL_BOOTSTRAP=from-file/main\n')
    const environment = { PERSQL_BOOTSTRAP: 'acme/main' }
    launched = new LauncherProcess(app, environment, [], ['npx', 'persql-server', 'start'])
    const { url } = await launched.welcome()
    expect(await runReadme(url)).toMatchObject({ success: true, data: { rows: [['hello']] } })
    const page = await (await fetch(`${url}/`, { headers: { accept: 'text/html' } })).text()
    expect(page).toContain('<title>PerSQL</title>')

    expect((await npx(['operator', 'list'])).stdout).toMatch(/^acme +active +\$/m)
    expect((await npx(['list'])).stdout).toMatch(/^acme +active +\$/m)
    expect((await npx(['check'])).stdout).toContain('acme/main: ok')
    expect(await stop(launched)).toBe(0)
    launched = undefined
  },
  300_000,
)

test('the command prints its version and all commands, and names unknown ones', async () => {
  await install('--ignore-scripts')
  expect(await npx(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  const { code, stdout } = await npx(['--help'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ {2}start .*\n[\s\S]*^persql-server <command>\n[\s\S]*^ {2}list /m)
  expect(await npx(['launch'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Unknown command "launch"\.[\s\S]*persql-server <command>/),
  })
  expect(await npx(['start', 'now'])).toMatchObject({ code: 1, stderr: expect.stringContaining('"now"') })
}, 300_000)

test('the package installs only what runs, at the versions of the lock file', async () => {
  await install('--ignore-scripts')
  const installed = JSON.parse(readFileSync(join(app, 'node_modules/.package-lock.json'), 'utf8')).packages
  const names = Object.keys(installed).filter((path) => path !== 'node_modules/@persql/server')
  expect(names).toEqual(expect.arrayContaining(['node_modules/libsql', 'node_modules/workerd']))
  for (const name of names) {
    // The clone can have other versions of a package too.
    const locked = Object.keys(lock.packages).filter((path) => path.endsWith(name))
    const versions = locked.map((path) => lock.packages[path].version)
    expect(versions, name).toContain(installed[name].version)
  }
  expect(names.filter((name) => /esbuild|vite|typescript/.test(name))).toEqual([])
})
