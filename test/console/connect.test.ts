import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { speaker } from '../mcp/rpc.ts'
import { type NpmRegistry, startNpmRegistry } from '../npm-registry.ts'
import { useConsole } from './use-console.ts'

const run = promisify(execFile)

const app = useConsole()
let folder: string
let registry: NpmRegistry
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-connect-'))
  registry = await startNpmRegistry()
})
afterAll(async () => {
  await registry?.stop()
  await rm(folder, { recursive: true, force: true })
})

const shown = async (page: Page, label: string) =>
  (await page.getByRole('region', { name: label, exact: true }).textContent()) ?? ''

test('a token is put in, and what is shown for terminals, programs and agents works as pasted', async () => {
  const { page, ns, go, complaints, close } = await app.visit()
  await go(`/${ns}/main/connect`)
  expect(await shown(page, 'Environment variables')).toContain('YOUR_TOKEN')
  expect(await shown(page, 'Claude Code')).toBe(`claude mcp add --transport http persql '${app.platform.url}/mcp'`)
  await page.getByLabel('Role').selectOption('admin')
  await page.getByRole('button', { name: 'Create token and fill it in' }).click()
  await page.getByText("you won't be able to see it again").first().waitFor()
  const environment = await shown(page, 'Environment variables')
  const inShell = (code: string) =>
    run('sh', ['-c', `${environment}\n${code}`], { cwd: folder, env: registry.environment(folder) })

  const answer = await inShell((await shown(page, 'curl')).replace('curl ', 'curl -s '))
  expect(JSON.parse(answer.stdout).data.rows).toEqual([['hello']])
  for (const [tab, file] of [
    ['TypeScript', 'query.mjs'],
    ['Drizzle', 'drizzle.mjs'],
    ['Kysely', 'kysely.mjs'],
    ['LangGraph', 'graph.mjs'],
  ] as const) {
    await page.getByRole('tab', { name: tab }).click()
    const code = await shown(page, file)
    const install = await shown(page, 'Install')
    expect(install).toContain(`${app.platform.url}/packages/persql-sdk-`)
    await inShell(install)
    await writeFile(join(folder, file), code)
    const { stdout } = await inShell(`node ${file}`)
    expect(stdout, tab).toContain("'hello'")
  }
  expect(new URL(page.url()).searchParams.get('program')).toBe('langgraph')
  await page.getByRole('tab', { name: 'libSQL' }).click()
  expect(await shown(page, 'libSQL URL')).toBe(`${app.platform.url}/libsql/${ns}/main/`)
  await inShell(await shown(page, 'Install'))
  const code = await shown(page, 'libsql.mjs')
  for (const lines of [code, `${code}\n${await shown(page, 'Drizzle over libSQL')}`]) {
    await writeFile(join(folder, 'libsql.mjs'), lines)
    const { stdout } = await inShell('node libsql.mjs')
    expect(stdout.match(/hello/g)).toHaveLength(lines === code ? 1 : 2)
  }
  await page.getByRole('tab', { name: 'Command line' }).click()
  const query = (await shown(page, 'persql')).split('\n')[0]
  await inShell(await shown(page, 'Install'))
  const rows = await inShell(`PATH="$PWD/global/bin:$PATH"\n${query}`)
  expect(rows.stdout).toContain('hello')

  await page.getByRole('tab', { name: 'Cursor' }).click()
  const { url, headers } = JSON.parse(await shown(page, '.cursor/mcp.json')).mcpServers.persql
  const agent = speaker(app.platform, headers.Authorization.replace('Bearer ', ''), new URL(url).pathname)
  expect((await agent.tools()).length).toBeGreaterThan(0)
  expect(complaints).toEqual([])
  await close()
})
