import { exec } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { programs } from '../../apps/console/src/pages/database/connect/snippets.ts'
import { findFiles, listBlocks, readPage } from '../../tools/docs/pages.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { type LauncherProcess, launch } from '../launcher-process.ts'
import { type NpmRegistry, startNpmRegistry } from '../npm-registry.ts'

const run = promisify(exec)
const DOCUMENTED = 'http://127.0.0.1:8787'
let launcher: LauncherProcess
let registry: NpmRegistry
let data: string
let url: string
let folder: string

beforeAll(async () => {
  data = await makeDataFolder()
  folder = await mkdtemp(join(tmpdir(), 'persql-install-'))
  registry = await startNpmRegistry()
  launcher = start()
  url = (await launcher.welcome()).url
})
afterAll(async () => {
  await launcher?.stop()
  await registry?.stop()
  await removeDataFolder(data)
  await rm(folder, { recursive: true, force: true })
})

/** Starts a launcher that offers its packages. */
const start = (settings: Record<string, string> = {}): LauncherProcess =>
  launch(folder, { PERSQL_DATA: data, PERSQL_PACKAGES: 'self', ...settings })

/** Lists the lines of shell blocks that install or run packages of an instance. */
function listCommands(): string[] {
  const pages = ['README.md', ...findFiles('docs', /\.md$/), ...findFiles('packages', /^README\.md$/)]
  const blocks = pages.flatMap((page) => listBlocks(readPage(page)).map(({ code }) => code))
  const commands = blocks
    .filter((code) => code.includes(`${DOCUMENTED}/packages/`))
    .map((code) =>
      code
        .split('\n')
        .filter((line) => /^npm install |^npm config |^npx /.test(line))
        .join('\n'),
    )
  const console = programs({ origin: DOCUMENTED, address: 'acme/main', toPackageSpec: toDocumentedUrl })
    .flatMap(({ steps }) => steps)
    .filter(({ label }) => label === 'Install')
    .map(({ code }) => code)
    // test/console/connect.test.ts installs those that an instance has no packages for.
    .filter((code) => code.includes(`${DOCUMENTED}/packages/`))
  return [...new Set([...commands, ...console])].filter(Boolean)
}

const { version } = JSON.parse(readPage('packages/sdk/package.json'))
const toDocumentedUrl = (name: string) =>
  `${DOCUMENTED}/packages/${name.replace('@', '').replace('/', '-')}-${version}.tgz`

const commands = listCommands()

test('commands for every package are documented', () => {
  const packages = ['sdk', 'cli', 'drizzle', 'kysely', 'langgraph', 'prisma', 'endpoint-spec']
  for (const name of packages) expect(commands.join('\n')).toContain(`/packages/persql-${name}-`)
  expect(commands.join('\n')).toMatch(/^npx --yes /m)
  expect(commands.join('\n')).toMatch(/^npm config set @persql:registry /m)
})

// The first command runs while packages are being built: npm waits and tries again.
test.each(commands)('in an empty folder: %s', async (command) => {
  const app = await mkdtemp(join(folder, 'app-'))
  const env = registry.environment(app)
  const { stdout } = await run(command.replaceAll(DOCUMENTED, url), { cwd: app, env })
  if (command.startsWith('npx ')) return expect(stdout.trim()).toMatch(/^persql \d|^\d+\.\d+\.\d+$/)
  if (command.includes('--global')) {
    const version = await run(`${join(app, 'global/bin/persql')} --version`, { cwd: app, env })
    return expect(version.stdout).toMatch(/\d+\.\d+\.\d+/)
  }
  const { dependencies } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8'))
  const names = Object.keys(dependencies).filter((name) => name.startsWith('@persql/'))
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) {
    const { exports } = JSON.parse(await readFile(join(app, 'node_modules', name, 'package.json'), 'utf8'))
    const entries = Object.keys(exports).filter((path) => path !== './package.json')
    for (const entry of entries.map((path) => `${name}${path.slice(1)}`)) {
      await writeFile(join(app, 'a.mjs'), `import * as all from '${entry}'\nconsole.log(Object.keys(all).length > 0)`)
      await writeFile(join(app, 'a.cjs'), `console.log(Object.keys(require('${entry}')).length > 0)`)
      for (const file of ['a.mjs', 'a.cjs']) {
        expect((await run(`node ${file}`, { cwd: app, env })).stdout.trim(), `${entry} ${file}`).toBe('true')
      }
    }
  }
  return undefined
})

test('a lock file stays valid after the instance lost and built its packages again', async () => {
  const app = join(folder, 'locked')
  await mkdir(app)
  const env = registry.environment(app)
  await run(`npm install ${url}/packages/persql-sdk-${version}.tgz`, { cwd: app, env })
  const { port } = new URL(url)
  await launcher.stop()
  await rm(join(data, 'packages'), { recursive: true })
  launcher = start({ PORT: port })
  await launcher.welcome()
  await run('npm ci', { cwd: app, env: { ...env, npm_config_cache: join(app, 'other-cache') } })
  expect(await readFile(join(app, 'node_modules/@persql/sdk/LICENSE'), 'utf8')).toContain('MIT')
})
