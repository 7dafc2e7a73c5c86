import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import type { ApiDocument } from '../../tools/docs/api-operations.ts'
import { apiPages, formatApiPage } from '../../tools/docs/api-pages.ts'
import { listOperations } from '../openapi-document.ts'
import { sharedPlatform } from '../shared-platform.ts'

test('the pages of the HTTP API are up to date, and have every operation once', async () => {
  const platform = await sharedPlatform()
  const document = (await platform.request('/api/openapi.json')).body as ApiDocument
  await platform.stop()
  const pages = Object.entries(apiPages)
  const tags = pages.flatMap(([, page]) => page.tags)
  expect(new Set(tags).size).toBe(tags.length)
  const texts = new Map(pages.map(([name, page]) => [name, formatApiPage(document, page)]))
  const all = [...texts.values()].join('\n')
  const absent = listOperations(document).filter(
    ({ method, path }) => !all.includes(`\`${method.toUpperCase()} ${path}\``),
  )
  expect(absent.map(({ operationId }) => operationId)).toEqual([])
  // To update them: npm test -- test/e2e/api-pages.test.ts --update
  for (const [name, text] of texts) {
    await expect(text).toMatchFileSnapshot(join(repository, `docs/reference/api/${name}.md`))
  }
})
