import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { openPage, startBrowser } from '../browser.ts'
import { LauncherProcess } from '../launcher-process.ts'

let copy: string
let dev: LauncherProcess
let browser: Browser
let url: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'persql-dev-'))
  await copySources()
  dev = new LauncherProcess(copy, { PORT: '0' }, [], [process.execPath, join(copy, 'apps/launcher/dev.mjs')])
  browser = await startBrowser()
  url = (await dev.welcome()).url
})
afterAll(async () => {
  await browser?.close()
  await dev?.stop()
  await rm(copy, { recursive: true, force: true })
})

/** Copies the sources, so that a test can change them, beside links to the packages that are installed. */
async function copySources(): Promise<void> {
  const isSource = (path: string) => !/[\\/](node_modules|dist|data)$/.test(path)
  for (const name of ['apps', 'packages', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    await cp(join(repository, name), join(copy, name), { recursive: true, filter: isSource })
  }
  const installed = join(repository, 'node_modules')
  await mkdir(join(copy, 'node_modules/@persql'), { recursive: true })
  for (const name of await readdir(installed)) {
    if (name !== '@persql') await symlink(join(installed, name), join(copy, 'node_modules', name))
  }
  for (const name of await readdir(join(copy, 'packages'))) {
    if (!name.includes('.')) await symlink(join(copy, 'packages', name), join(copy, 'node_modules/@persql', name))
  }
}

async function query(sql: string) {
  const { token } = JSON.parse(await readFile(join(copy, 'data/bootstrap.json'), 'utf8'))
  const response = await fetch(`${url}/v1/db/acme/main/query`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ sql }),
  })
  return response.json()
}

/** Resolves when `check` holds, which the test's own time limit bounds. */
async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 50))
}

test('a change of the console appears in an open page without a reload, under the policy of the page', async () => {
  const page = await openPage(browser)
  const account = { email: 'ada@example.com', password: 'correct horse battery', name: 'Ada' }
  const signedUp = await page.request.post(`${url}/api/auth/sign-up/email`, { data: account, headers: { origin: url } })
  expect(signedUp.status()).toBe(200)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  const response = await page.goto(`${url}/`)
  expect(response?.headers()['content-security-policy']).toMatch(/script-src 'self' 'nonce-[\w-]+';/)
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  const value = (name: string) =>
    page.evaluate((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(), name)
  await page.evaluate(() => Object.assign(window, { isSamePage: true }))
  await appendFile(join(copy, 'apps/console/src/ui/theme.css'), '\n:root { --changed: yes; }\n')
  await until(async () => (await value('--changed')) === 'yes')
  expect(await page.evaluate(() => 'isSamePage' in window)).toBe(true)
  expect(complaints).toEqual([])
  await page.close()
})

test('changes of the page and of public files are served without a restart', async () => {
  const pageFile = join(copy, 'apps/console/index.html')
  await writeFile(pageFile, (await readFile(pageFile, 'utf8')).replace('<title>PerSQL', '<title>Changed PerSQL'))
  const served = async (path: string) => (await fetch(url + path, { headers: { accept: 'text/html' } })).text()
  await until(async () => (await served('/')).includes('<title>Changed PerSQL'))
  await writeFile(join(copy, 'apps/console/public/added.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await until(async () => (await fetch(`${url}/added.svg`)).status === 200)
  await rm(join(copy, 'apps/console/public/added.svg'))
  await until(async () => (await fetch(`${url}/added.svg`)).status === 404)
})

test('a change of the configuration of Vite is in the page that is served', async () => {
  const file = join(copy, 'apps/console/vite.config.ts')
  const source = await readFile(file, 'utf8')
  const mark = "{ name: 'mark', transformIndexHtml: (html) => html.replace('<title>', '<title>Marked ') }, "
  await writeFile(file, source.replace('plugins: [', `plugins: [${mark}`))
  await until(async () =>
    (await (await fetch(url, { headers: { accept: 'text/html' } })).text()).includes('<title>Marked '),
  )
})

test('a change of the platform is served after a restart, at the same address and on the same data', async () => {
  expect((await query('CREATE TABLE kept (n)')).success).toBe(true)
  const file = join(copy, 'packages/contract/src/error-table.ts')
  const source = await readFile(file, 'utf8')
  const changed = source.replace(
    /(table_not_found|route_not_found)(: \{ status: 404, message: ')[^']*'/g,
    "$1$2Changed.'",
  )
  expect(changed).not.toBe(source)
  await writeFile(file, changed)
  await dev.printed('The platform was rebuilt and restarted.')
  expect(await (await fetch(`${url}/v1/nothing/here`)).json()).toMatchObject({ error: 'Changed.' })
  expect(await query('SELECT count(*) AS n FROM kept')).toMatchObject({ data: { rows: [[0]] } })
})

test('a mistake in a source is printed, and what ran before goes on', async () => {
  const file = join(copy, 'apps/platform/src/index.ts')
  const source = await readFile(file, 'utf8')
  await writeFile(file, `${source}\nconst = 1\n`)
  await until(() => /apps\/platform\/src\/index\.ts.*Waiting for a change\./s.test(dev.stderr))
  expect((await query('SELECT 1')).success).toBe(true)
  await writeFile(file, source)
})

test('a change of the launcher or of .env starts everything again, and Ctrl-C ends it', async () => {
  const { length } = dev.stdout
  await appendFile(join(copy, 'apps/launcher/src/main.ts'), '\n// Changed.\n')
  await until(() => dev.stdout.slice(length).includes('Press Ctrl-C to stop.'))
  url = /URL\s+(\S+)/.exec(dev.stdout.slice(length))?.[1] ?? ''
  expect(await query('SELECT count(*) AS n FROM kept')).toMatchObject({ data: { rows: [[0]] } })
  const restarted = dev.stdout.length
  await writeFile(join(copy, '.env'), 'SIGNUP=closed\n')
  await until(() => dev.stdout.slice(restarted).includes('Press Ctrl-C to stop.'))
  expect(await dev.stop()).toBe(0)
  expect(await readdir(join(copy, 'dist'))).toEqual(['dev'])
  expect(await readdir(join(copy, 'dist/dev'))).toEqual([])
})
