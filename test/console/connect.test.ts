import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../packages/build.mjs'
import { speaker } from '../mcp/rpc.ts'
import { useConsole } from './use-console.ts'

const run = promisify(execFile)

const app = useConsole()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-connect-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Installs packages like `npm install`: those of this repository after a build, the others unchanged. */
async function install(names: readonly string[], others: readonly string[]) {
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@persql'), { recursive: true })
  for (const name of names) {
    const source = join(root, 'packages', name)
    const target = join(modules, '@persql', name)
    await mkdir(target)
    await buildPackage(source, join(target, 'dist'))
    await writeFile(join(target, 'package.json'), await readFile(join(source, 'package.json')))
  }
  for (const other of others) {
    await mkdir(dirname(join(modules, other)), { recursive: true })
    await symlink(join(root, 'node_modules', other), join(modules, other))
  }
}

const shown = async (page: Page, label: string) =>
  (await page.getByRole('region', { name: label, exact: true }).textContent()) ?? ''

test('a token is put in, and what is shown for terminals, programs and agents works as pasted', async () => {
  await install(['sdk', 'drizzle', 'kysely', 'langgraph'], ['drizzle-orm', 'kysely', '@langchain'])
  const { page, ns, go, complaints, close } = await app.visit()
  await go(`/${ns}/main/connect`)
  expect(await shown(page, 'Environment variables')).toContain('YOUR_TOKEN')
  expect(await shown(page, 'Claude Code')).toBe(`claude mcp add --transport http persql '${app.platform.url}/mcp'`)
  await page.getByLabel('Role').selectOption('admin')
  await page.getByRole('button', { name: 'Create token and fill it in' }).click()
  await page.getByText("you won't be able to see it again").first().waitFor()
  const environment = await shown(page, 'Environment variables')
  const inShell = (code: string) => run('sh', ['-c', `${environment}\n${code}`], { cwd: folder })

  const answer = await inShell((await shown(page, 'curl')).replace('curl ', 'curl -s '))
  expect(JSON.parse(answer.stdout).data.rows).toEqual([['hello']])
  for (const [tab, file] of [
    ['TypeScript', 'query.mjs'],
    ['Drizzle', 'drizzle.mjs'],
    ['Kysely', 'kysely.mjs'],
    ['LangGraph', 'graph.mjs'],
  ] as const) {
    await page.getByRole('tab', { name: tab }).click()
    await writeFile(join(folder, file), await shown(page, file))
    const { stdout } = await inShell(`node ${file}`)
    expect(stdout, tab).toContain("'hello'")
  }
  expect(new URL(page.url()).searchParams.get('program')).toBe('langgraph')

  await page.getByRole('tab', { name: 'Cursor' }).click()
  const { url, headers } = JSON.parse(await shown(page, '.cursor/mcp.json')).mcpServers.persql
  const agent = speaker(app.platform, headers.Authorization.replace('Bearer ', ''), new URL(url).pathname)
  expect((await agent.tools()).length).toBeGreaterThan(0)
  expect(complaints).toEqual([])
  await close()
})
