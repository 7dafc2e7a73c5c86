import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page, Request } from 'playwright-core'
import { openPage } from '../browser.ts'
import type { Answer, PlatformClient } from '../harness.ts'

type Session = Awaited<ReturnType<PlatformClient['signUp']>>

/** Runs a statement and returns its rows. @throws Error if it fails */
export type Sql = (statement: string, params?: unknown[]) => Promise<unknown[][]>

/** A page of a browser context of its own. */
export interface Tab {
  readonly page: Page
  /** Problems that the browser reported: script errors and violations of the content security policy. */
  readonly complaints: string[]
  /** Opens a path of this platform and waits until it has loaded. */
  go(path: string): Promise<void>
  close(): Promise<void>
}

/** A signed-in user of the console in a browser. The page is empty until the first `go`. */
export interface Visit extends Tab {
  readonly email: string
  /** The user's namespace. */
  readonly ns: string
  /** Calls the API as this user, outside the page. */
  readonly session: Session
  /** Calls the API as this user and returns the `data` of the response. @throws Error if the call fails */
  api(method: string, path: string, body?: object): Promise<Answer['body']>
  /** Runs a statement in `main`. */
  readonly sql: Sql
  /** Returns a function that runs statements in another database. */
  sqlIn(db: string): Sql
}

export interface TabOptions {
  width?: number
  theme?: 'light' | 'dark'
}

export interface VisitOptions extends TabOptions {
  email?: string
}

/** Opens an empty page without a signed-in user. */
export async function openTab(browser: Browser, platform: PlatformClient, options: TabOptions = {}): Promise<Tab> {
  const { width = 1280, theme = 'light' } = options
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: theme,
    reducedMotion: 'reduce',
    // A user's browser allows this after a click. Chromium without a user interface would ask.
    permissions: ['clipboard-write'],
  })
  const page = await openPage(context)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  const settled = watchLoading(page)
  return {
    page,
    complaints,
    go: async (path) => {
      await page.goto(platform.url + path)
      await settled()
    },
    close: () => context.close(),
  }
}

/** Creates an account and opens an empty page as its user. */
export async function visit(browser: Browser, platform: PlatformClient, options: VisitOptions = {}): Promise<Visit> {
  const { email = `v${crypto.randomUUID().slice(0, 8)}@example.com` } = options
  const [tab, session] = await Promise.all([openTab(browser, platform, options), platform.signUp(email)])
  await tab.page.context().addCookies(toCookies(session, platform.url))
  const api: Visit['api'] = async (method, path, body) => {
    const answer = await session.request(path, { method, body })
    if (answer.body?.success !== true) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body.data
  }
  const [{ slug: ns }] = await api('GET', '/api/namespaces')
  const sqlIn: Visit['sqlIn'] = (db) => async (sql, params) => {
    const { rows } = await api('POST', `/api/namespaces/${ns}/databases/${db}/query`, { sql, params })
    return rows
  }
  return { ...tab, email, ns, session, api, sql: sqlIn('main'), sqlIn }
}

/** Adds a user to the namespace of another user. */
export async function join(owner: Visit, guest: Visit, role: string): Promise<void> {
  const { email } = guest
  const { link } = await owner.api('POST', `/api/namespaces/${owner.ns}/invitations`, { email, role })
  await guest.api('POST', `/api/invitations/${new URL(link).pathname.split('/').at(-1)}/accept`, {})
}

const toCookies = ({ cookie }: Session, url: string) =>
  cookie.split('; ').map((pair) => {
    const [name = '', ...value] = pair.split('=')
    return { name, value: value.join('='), url }
  })

/**
 * Returns a function that resolves when the page has loaded: it has a heading, no request is open, no placeholder is
 * left and no task is due. Playwright's `networkidle` would add half a second to each page.
 */
function watchLoading(page: Page): () => Promise<void> {
  const open = new Set<Request>()
  let started = 0
  page.on('request', (request) => {
    started++
    open.add(request)
  })
  page.on('requestfinished', (request) => open.delete(request))
  page.on('requestfailed', (request) => open.delete(request))
  return async () => {
    // Behind a dialog, the heading is hidden from assistive technology.
    await page.locator('h1').first().waitFor()
    const deadline = Date.now() + 60_000
    let before: number
    do {
      while (open.size > 0) {
        if (Date.now() > deadline) throw new Error(`Open requests: ${[...open].map((request) => request.url())}`)
        await delay(5)
      }
      before = started
      await page.evaluate(untilIdle)
      await page.locator('.animate-shimmer').first().waitFor({ state: 'hidden' })
    } while (started > before)
  }
}

/** Resolves when the main thread has nothing to do. A response causes further requests in timers, which come first. */
async function untilIdle(): Promise<void> {
  const idle = () => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 1000 }))
  await idle()
  await new Promise((resolve) => setTimeout(resolve, 50))
  await idle()
}
