import type { Browser, Page } from 'playwright-core'
import type { PlatformClient } from '../harness.ts'

/** A user of the console in a browser. */
export interface Visit {
  readonly page: Page
  readonly email: string
  readonly ns: string
  /** Problems that the browser reported: script errors and violations of the content security policy. */
  readonly complaints: string[]
  /** Opens a path of this platform and waits until it has loaded. */
  go(path: string): Promise<void>
  close(): Promise<void>
}

interface VisitOptions {
  width?: number
  theme?: 'light' | 'dark'
  email?: string
}

/** Signs up a user on the sign-up page and stays on the page that follows. */
export async function visit(browser: Browser, platform: PlatformClient, options: VisitOptions = {}): Promise<Visit> {
  const { width = 1280, theme = 'light', email = `v${crypto.randomUUID().slice(0, 8)}@example.com` } = options
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: theme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(`${platform.url}/`)
  await page.getByRole('link', { name: "Don't have an account? Create one" }).click()
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill('correct horse battery')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL('**/welcome')
  complaints.length = 0
  const settled = async () => {
    // Behind a dialog, the heading is hidden from assistive technology.
    await page.locator('h1').first().waitFor()
    await page.waitForLoadState('networkidle')
  }
  await settled()
  return {
    page,
    email,
    ns: new URL(page.url()).pathname.split('/')[1] as string,
    complaints,
    go: async (path) => {
      await page.goto(platform.url + path)
      await settled()
    },
    close: () => context.close(),
  }
}
