import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findDocsOfClone } from '../../apps/launcher/src/built-files.ts'
import { repository } from '../../apps/launcher/src/paths.ts'
import { listPages, toRoute } from '../../tools/docs/site.ts'
import { openPage, startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { askPool } from '../pool-client.ts'

let platform: TestPlatform
beforeAll(async () => {
  // The first run after a change of a page builds the site.
  await askPool('POST', 'docs')
  platform = await startPlatform({ docs: findDocsOfClone(repository) })
}, 600_000)
afterAll(() => platform?.stop())

const get = (path: string) => platform.request(path, { headers: { accept: 'text/html' } })
const address = (page: string) => `/docs/${toRoute(page)?.replace(/(^|\/)index$/, '$1')}`

describe('the built site', () => {
  test.each(listPages())('%s has a page, and its Markdown for programs', async (page) => {
    const { status, headers, body } = await get(address(page))
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(headers.get('content-security-policy')).toContain("script-src 'self';")
    expect(body).toContain('<h1')
    // Inline scripts would be blocked.
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>[^<]/)
    const markdown = await get(`/docs/${toRoute(page)}.md`)
    expect([markdown.status, markdown.headers.get('content-type')]).toEqual([200, 'text/markdown; charset=utf-8'])
    expect(markdown.body).toMatch(/^# /m)
  })

  test('every link of every page leads to a page or a file of the site', async () => {
    const broken: string[] = []
    const seen = new Map<string, number>()
    const check = async (from: string, link: string) => {
      const path = link.split('#')[0] as string
      if (!seen.has(path)) seen.set(path, (await get(path)).status)
      if (seen.get(path) !== 200) broken.push(`${from}: ${link} (${seen.get(path)})`)
    }
    for (const page of listPages()) {
      const { body } = await get(address(page))
      for (const [, link = ''] of body.matchAll(/(?:href|src)="(\/[^"]*)"/g)) await check(page, link)
      const markdown = (await get(`/docs/${toRoute(page)}.md`)).body as string
      for (const [, link = ''] of markdown.matchAll(/\]\((\/[^)\s]*)\)/g)) await check(`${page} (Markdown)`, link)
    }
    const list = (await get('/docs/llms.txt')).body as string
    for (const [, link = ''] of list.matchAll(/\]\((\/[^)\s]*)\)/g)) await check('llms.txt', link)
    expect(broken).toEqual([])
    expect(seen.size).toBeGreaterThan(80)
  })

  test('the first page has at most 150 KB', async () => {
    const { body } = await get('/docs/')
    const files = [
      ...new Set([...body.matchAll(/(?:href|src)="(\/docs\/[^"]*\.(?:js|css|woff2))"/g)].map(([, file]) => file)),
    ]
    let bytes = gzipSync(body).length
    for (const file of files as string[]) {
      const response = await fetch(platform.url + file)
      const content = Buffer.from(await response.arrayBuffer())
      bytes += file.endsWith('woff2') ? content.length : gzipSync(content).length
    }
    expect(files.length).toBeGreaterThan(3)
    expect(bytes).toBeLessThan(150_000)
  })

  test.each([
    '/docs/absent',
    '/docs/assets/absent.js',
    '/docs/..%2fpackage.json',
    '/docs//etc/passwd',
    '/docs/.vitepress/config.ts',
  ])('%s is not found', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  test('search, navigation and the dark mode work under the policy of the site', async () => {
    const browser = await startBrowser()
    try {
      const tab = await openPage(browser)
      const problems: string[] = []
      tab.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
      tab.on('pageerror', (error) => problems.push(String(error)))
      await tab.goto(`${platform.url}/docs/`)
      await tab.locator('.VPSidebar').getByRole('link', { name: 'Webhooks' }).click()
      await tab.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
      await tab.locator('.VPSwitchAppearance').first().click()
      await tab.locator('html.dark').waitFor()
      await tab.keyboard.press('Control+k')
      await tab.locator('#localsearch-input').fill('idempotency')
      await tab.locator('.VPLocalSearchBox .result').first().click()
      await tab.waitForURL(/transactions|idempotency|api/)
      await tab.reload()
      await tab.locator('html.dark').waitFor()
      expect(problems).toEqual([])
    } finally {
      await browser.close()
    }
  })

  test('/docs leads to the first page', async () => {
    const response = await fetch(`${platform.url}/docs`, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([301, '/docs/'])
  })
})

test('without a built site, the first page lists the Markdown files', async () => {
  const unbuilt = await startPlatform({ docs: join(repository, 'docs') })
  try {
    const { status, body } = await unbuilt.request('/docs/', { headers: { accept: 'text/html' } })
    expect(status).toBe(200)
    const links = [...(body as string).matchAll(/href="(\/docs\/[^"]+)"/g)].map(([, link]) => link as string)
    expect(links).toContain('/docs/guides/webhooks.md')
    for (const link of links) expect((await unbuilt.request(link)).body, link).toMatch(/^# /m)
    expect((await unbuilt.request('/docs/guides/webhooks')).status).toBe(404)
  } finally {
    await unbuilt.stop()
  }
})
