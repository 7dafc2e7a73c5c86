import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COLOR_RULES, findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'
import type { Visit } from './visit.ts'

/** All pages for signed-in users, with `acme` for the namespace. */
const pages = [
  '/acme',
  '/acme/welcome',
  '/acme/main/overview',
  '/acme/main/schema',
  '/acme/main/branches',
  '/acme/main/history',
  '/acme/main/migrations',
  '/acme/main/migrations/new',
  '/acme/main/migrations?see=record',
  '/acme/main/transfer',
  '/acme/main/endpoints',
  '/acme/main/endpoints?new=',
  '/acme/main/approvals',
  '/acme/main/approvals?new=',
  '/acme/main/webhooks',
  '/acme/main/webhooks?webhook=new',
  '/acme/main/schedules',
  '/acme/main/schedules?schedule=new',
  '/acme/main/hostnames',
  '/acme/main/hostnames?new=',
  '/acme/main/insights',
  '/acme/main/tables',
  '/acme/main/query',
  '/acme/main/query?see=saved',
  '/acme/main/query?see=history',
  '/acme/settings/general',
  '/acme/settings/tokens',
  '/acme/settings/tokens?new=',
  '/acme/settings/members',
  '/acme/settings/members?invite=',
  '/acme/settings/apps',
  '/acme/settings/billing',
  '/acme/settings/audit',
  '/acme/main/connect',
  '/acme/main/sharing',
  '/acme/none/at/all',
  '/nobody',
]

const app = useConsole()

/** Returns the cumulative layout shift of a page; values below 0.1 are good. */
const moved = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value
        }).observe({ type: 'layout-shift', buffered: true })
        setTimeout(() => resolve(sum), 50)
      }),
  )

describe.each([
  ['at a desk', { width: 1280 }],
  ['on a phone', { width: 390 }],
] as const)('%s', (_where, options) => {
  let here: Visit
  beforeAll(async () => {
    here = await app.visit(options)
  })
  afterAll(() => here.close())

  /** Returns the faults of the page in the light theme, and those that the dark theme adds. */
  const findFaultsInBothThemes = async (): Promise<string[]> => {
    const { page } = here
    const light = await findFaults(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    const dark = await findFaults(page, COLOR_RULES)
    await page.emulateMedia({ colorScheme: 'light' })
    return [...light, ...dark]
  }

  test.each(pages)('%s is accessible, and its layout does not shift while it loads', async (path) => {
    await here.go(path.replace('acme', here.ns))
    expect(await findFaultsInBothThemes()).toEqual([])
    expect(await moved(here.page)).toBeLessThan(0.1)
    const wide = await here.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0)
    expect(here.complaints).toEqual([])
  })

  test('menus and dialogs are accessible', async () => {
    const { page, ns, go } = here
    await go(`/${ns}?new=`)
    await page.getByRole('dialog', { name: 'New database' }).waitFor()
    expect(await findFaultsInBothThemes()).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Actions for main' }).click()
    expect(await findFaultsInBothThemes()).toEqual([])
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog', { name: 'Delete main?' }).waitFor()
    expect(await findFaultsInBothThemes()).toEqual([])
    await page.keyboard.press('Escape')
    if (options.width < 500) await page.getByRole('button', { name: /^Menu:/ }).click()
    await page.getByRole('button', { name: 'Account' }).click()
    expect(await findFaultsInBothThemes()).toEqual([])
    expect(here.complaints).toEqual([])
  })
})

test('pages of the server are accessible', async () => {
  const { page, ns, go, api, close } = await app.visit()
  const invitation = { email: 'guest@example.com', role: 'editor' }
  const { link } = await api('POST', `/api/namespaces/${ns}/invitations`, invitation)
  for (const path of ['/login', '/signup', '/billing', new URL(link).pathname]) {
    await go(path)
    expect(await findFaults(page), path).toEqual([])
  }
  await close()
})

test('the first load weighs 250 KB at most, compressed', async () => {
  const { page, ns, go, close } = await app.visit()
  await go(`/${ns}/welcome`)
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
  const files = loaded.map((name) => new URL(name).pathname).filter((path) => path.startsWith('/assets/'))
  const sizes = await Promise.all(
    files.map(
      async (path) => gzipSync(new Uint8Array(await (await fetch(app.platform.url + path)).arrayBuffer())).length,
    ),
  )
  const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1000
  expect(files.length).toBeGreaterThan(2)
  expect(kilobytes).toBeLessThan(250)
  await close()
})
