import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { platformOpenApi } from '../../apps/platform/src/http/openapi/openapi.ts'
import type { ApiDocument } from './api-operations.ts'
import { root } from './pages.ts'
import { formatSdkPages } from './sdk/pages.ts'

const folder = join(root, 'docs/reference/sdk')

test('the pages of the SDK are up to date, and have every export with a description and each method with an example', async () => {
  const document = platformOpenApi('http://127.0.0.1:8787') as unknown as ApiDocument
  const pages = await formatSdkPages(document)
  // To update them: npm run test:unit -- tools/docs/sdk-pages.test.ts --update
  for (const [name, text] of pages) await expect(text).toMatchFileSnapshot(join(folder, `${name}.md`))
  expect(readdirSync(folder).filter((file) => !pages.has(file.replace('.md', '')))).toEqual([])
})
