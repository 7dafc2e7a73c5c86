import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { listBlocks, readPage } from '../../tools/docs/pages.ts'
import { removeDataFolder } from '../data-folder.ts'
import { LauncherProcess } from '../launcher-process.ts'
import { askPool } from '../pool-client.ts'

const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(join(repository, 'packages/server/package.json'), 'utf8'))
const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'))

let folder: string
/** A folder in which the packed package is installed. */
let app: string
let launched: LauncherProcess | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-app-'))
  app = join(folder, 'without-scripts')
  await cp(await askPool('POST', 'server-app'), app, { recursive: true, verbatimSymlinks: true })
}, 600_000)
afterEach(async () => {
  if (launched) await stop(launched)
  launched = undefined
})
afterAll(() => removeDataFolder(folder))

async function installWithDefaults(): Promise<void> {
  app = join(folder, 'with-defaults')
  await mkdir(app)
  const tarball = await askPool<string>('POST', 'server-package')
  // The other installation has filled npm's cache.
  await run('npm', ['install', tarball, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app })
}

/** Runs a command of the package. npx, which starts the same file, takes a second of CPU time more. */
function command(...args: string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(join(app, 'node_modules/.bin/persql-server'), args, { cwd: app }, (error, stdout, stderr) =>
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
  ['without install scripts', async () => {}],
  ["with npm's defaults", installWithDefaults],
])('the packed package, installed %s in an empty folder, starts and answers the README', async (_, install) => {
  await install()
  await writeFile(join(app, '.env'), 'PORT=0\nPERSQL_BOOTSTRAP=from-file/main\n')
  const environment = { PERSQL_BOOTSTRAP: 'acme/main' }
  launched = new LauncherProcess(app, environment, [], ['npx', 'persql-server', 'start'])
  const { url } = await launched.welcome()
  expect(await runReadme(url)).toMatchObject({ success: true, data: { rows: [['hello']] } })
  const page = await (await fetch(`${url}/`, { headers: { accept: 'text/html' } })).text()
  expect(page).toContain('<title>PerSQL</title>')

  expect((await command('operator', 'list')).stdout).toMatch(/^acme +active +\$/m)
  expect((await command('list')).stdout).toMatch(/^acme +active +\$/m)
  expect((await command('check')).stdout).toContain('acme/main: ok')
  expect(await stop(launched)).toBe(0)
  launched = undefined
})

test('the command prints its version and all commands, and names unknown ones', async () => {
  expect(await command('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  const { code, stdout } = await command('--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ {2}start .*\n[\s\S]*^persql-server <command>\n[\s\S]*^ {2}list /m)
  expect(await command('launch')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Unknown command "launch"\.[\s\S]*persql-server <command>/),
  })
  expect(await command('start', 'now')).toMatchObject({ code: 1, stderr: expect.stringContaining('"now"') })
})

test('the package installs only what runs, at the versions of the lock file', async () => {
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
