import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

/** Answers with pages of these items, and returns the paths that were requested. */
async function callWith(pages: readonly (readonly number[])[]) {
  const asked: string[] = []
  vi.stubGlobal('location', { origin: 'https://console.example' })
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url.replace('https://console.example', ''))
    const at = asked.length - 1
    const nextCursor = at + 1 < pages.length ? `page-${at + 1}` : null
    return Response.json({ success: true, data: pages[at], meta: { nextCursor, total: pages.flat().length } })
  })
  const { call } = await import('./client.ts')
  return { asked, data: await call('GET /api/namespaces/{ns}/databases', { ns: 'acme' }) }
}

const LIST = '/api/namespaces/acme/databases'

test.each([
  [[[1, 2]], [LIST]],
  [
    [[1], [2], [3]],
    [LIST, `${LIST}?pageSize=1000&cursor=page-1`, `${LIST}?pageSize=1000&cursor=page-2`],
  ],
  [[[]], [LIST]],
])('a list of the pages %j is complete', async (pages, expected) => {
  const { asked, data } = await callWith(pages)
  expect(data).toEqual(pages.flat())
  expect(asked).toEqual(expected)
})
