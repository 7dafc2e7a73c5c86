import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { test } from 'vitest'
import { startUserBrowser } from '../browser.ts'
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

test('every page is pictured, in light and dark, wide and on a phone', { timeout: 1_800_000 }, async () => {
  const [platform, browser] = await Promise.all([startPlatform({ port: PORT }), startUserBrowser()])
  try {
    const shop = await openShop(platform)
    const pictures = listPictures(shop).filter(({ name }) => only?.includes(name) ?? true)
    if (!only) await rm(FOLDER, { recursive: true, force: true })
    await mkdir(FOLDER, { recursive: true })
    await writeFile(`${FOLDER}../screenshots.md`, gallery(listPictures(shop)))
    for (const size of ['wide', 'phone'] as const) {
      const stranger = await createContext(browser, size)
      const owner = await createContext(browser, size)
      await signIn(owner, platform.url, shop)
      for (const picture of pictures) {
        const page = await (picture.isPublic ? stranger : owner).newPage()
        await openPicture(page, platform.url, picture)
        for (const theme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme: theme })
          const path = FOLDER + getFileName(picture.name, theme, size)
          await writeFile(
            path,
            await page.screenshot({ type: 'webp', quality: QUALITY, caret: 'hide', animations: 'disabled' }),
          )
        }
        await page.close()
      }
      await Promise.all([stranger.close(), owner.close()])
    }
  } finally {
    await Promise.all([browser.close(), platform.stop()])
  }
})

const createContext = (browser: Browser, size: keyof typeof SIZES) =>
  browser.newContext({
    viewport: SIZES[size],
    isMobile: size === 'phone',
    reducedMotion: 'reduce',
    locale: 'en-US',
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

async function openPicture(page: Page, url: string, { path, before }: Picture): Promise<void> {
  await page.goto(url + path)
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  await page.locator('.animate-shimmer').first().waitFor({ state: 'hidden' })
  if (before && 'press' in before) {
    await page.keyboard.press(before.press)
    await page.getByRole('dialog').waitFor()
  } else if (before) {
    await page.getByRole('button', { name: before.click }).first().click()
    await page.getByRole(before.until, { name: before.named }).first().waitFor()
  }
}
