import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform } from '../harness.ts'
import { gallery, getFileName } from './gallery.ts'
import { listPictures, type Picture } from './pages.ts'
import { openShop, PASSWORD, type Shop } from './shop.ts'

/** A fixed port, because it is part of the URLs on the pages. */
const PORT = 8788
const QUALITY = 70
const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
/** Names of the only pages to capture: `PAGES=query,schema npm run screenshots`. */
const only = process.env.PAGES?.split(',')

const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

test('every page is pictured, in light and dark, wide and on a phone', { timeout: 900_000 }, async () => {
  const [platform, browser] = await Promise.all([startPlatform({ port: PORT }), startBrowser()])
  try {
    const shop = await openShop(platform)
    const pictures = listPictures(shop).filter(({ name }) => only?.includes(name) ?? true)
    if (!only) await rm(FOLDER, { recursive: true, force: true })
    await mkdir(FOLDER, { recursive: true })
    await writeFile(`${FOLDER}../screenshots.md`, gallery(listPictures(shop)))
    for (const size of ['wide', 'phone'] as const) {
      for (const theme of ['light', 'dark'] as const) {
        const stranger = await createContext(browser, size, theme)
        const owner = await createContext(browser, size, theme)
        await signIn(owner, platform.url, shop)
        for (const picture of pictures) {
          const page = await (picture.isPublic ? stranger : owner).newPage()
          await writeFile(FOLDER + getFileName(picture.name, theme, size), await pictured(page, platform.url, picture))
          await page.close()
        }
        await Promise.all([stranger.close(), owner.close()])
      }
    }
  } finally {
    await Promise.all([browser.close(), platform.stop()])
  }
})

const createContext = (browser: Browser, size: keyof typeof SIZES, theme: 'light' | 'dark') =>
  browser.newContext({
    viewport: SIZES[size],
    isMobile: size === 'phone',
    colorScheme: theme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  })

async function signIn(context: BrowserContext, url: string, { owner }: Shop): Promise<void> {
  const page = await context.newPage()
  await page.goto(`${url}/login`)
  await page.getByLabel('Email').fill(owner.email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('h1').first().waitFor()
  await page.close()
}

async function pictured(page: Page, url: string, { path, before }: Picture): Promise<Buffer> {
  await page.goto(url + path)
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  await page.locator('.animate-shimmer').first().waitFor({ state: 'hidden' })
  if (before === 'run a query') {
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.getByRole('grid').waitFor()
  }
  if (before === 'open the palette') await page.keyboard.press('Control+k')
  if (before === 'list the keys') await page.keyboard.press('?')
  if (before && before !== 'run a query') await page.getByRole('dialog').waitFor()
  return page.screenshot({ type: 'webp', quality: QUALITY, caret: 'hide' })
}
