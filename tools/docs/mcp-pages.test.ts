import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { platformOpenApi } from '../../apps/platform/src/http/openapi/openapi.ts'
import { groups } from '../../apps/platform/src/mcp/tool-table.ts'
import { toolNames } from '../../apps/platform/src/mcp/tools.ts'
import type { ApiDocument } from './api-operations.ts'
import { formatMcpPages } from './mcp-pages.ts'
import { readPage, root } from './pages.ts'

const folder = join(root, 'docs/reference/mcp-tools')
const document = platformOpenApi('http://127.0.0.1:8787') as unknown as ApiDocument

test('the pages of the MCP tools are up to date, and have every tool once', async () => {
  const pages = formatMcpPages(document)
  const ofGroups = groups.map((group) => pages.get(group) ?? '').join('\n')
  const sections = [...ofGroups.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  expect(sections.sort()).toEqual([...toolNames(false)].sort())
  // To update them: npm run test:unit -- tools/docs/mcp-pages.test.ts --update
  for (const [name, text] of pages) await expect(text).toMatchFileSnapshot(join(folder, `${name}.md`))
  expect(readdirSync(folder).filter((file) => !pages.has(file.replace('.md', '')))).toEqual([])
})

test('the page about MCP links the page of every group', () => {
  for (const group of groups) expect(readPage('docs/reference/mcp-tools.md')).toContain(`](mcp-tools/${group}.md)`)
})
