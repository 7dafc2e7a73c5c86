import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, startBrowser, startSite } from '../browser.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let main: Awaited<ReturnType<typeof createEndpoints>>
let browser: Browser
let app: Awaited<ReturnType<typeof startSite>>
let stranger: Awaited<ReturnType<typeof startSite>>

beforeAll(async () => {
  ;[platform, browser, app, stranger] = await Promise.all([startPlatform(), startBrowser(), startSite(), startSite()])
  main = await createEndpoints(platform, await platform.createNamespace('acme'))
  for (const spec of [specs.list, specs.add, specs.signup, specs.me]) {
    await main.publish({ ...spec, cors: [app.origin], rateLimit: { perMin: 20 } } as never)
  }
})
afterAll(async () => {
  await browser?.close()
  await platform?.stop()
  app?.stop()
  stranger?.stop()
})

interface Call {
  url: string
  body?: object
  token?: string
  /** Browsers send `text/plain` requests to any server without a preflight. */
  contentType?: string
}

/** Calls from a page of that origin. Returns the response, or that the browser blocked it. */
async function fromPage(origin: string, call: Call) {
  const page = await openPage(browser)
  await page.goto(origin)
  const given = await page.evaluate(async ({ url, body, token, contentType = 'application/json' }) => {
    try {
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        headers: { ...(body && { 'Content-Type': contentType }), ...(token && { Authorization: `Bearer ${token}` }) },
        body: body && JSON.stringify(body),
      })
      return { status: response.status, retryAfter: response.headers.get('Retry-After'), body: await response.json() }
    } catch (error) {
      return String(error)
    }
  }, call)
  await page.close()
  return given
}

const at = (path: string) => `${platform.url}/p/acme/main/${path}`
const blocked = 'TypeError: Failed to fetch'

test('a page of an allowed site reads, writes, signs up and uses the session', async () => {
  expect(await fromPage(app.origin, { url: at('list-notes?author=ada') })).toMatchObject({
    status: 200,
    body: { ok: true, data: { rows: [[1, 'first']] } },
  })
  const body = { author: 'page', text: 'from a page' }
  expect(await fromPage(app.origin, { url: at('add-note'), body })).toMatchObject({ status: 200 })
  const signUp = { url: at('signup'), body: { email: 'page@example.com', password: 'secret' } }
  const signedUp = await fromPage(app.origin, signUp)
  const { token } = (signedUp as { body: { data: { token: string } } }).body.data
  expect(await fromPage(app.origin, { url: at('me'), token })).toMatchObject({
    status: 200,
    body: { data: { row: { email: 'page@example.com' } } },
  })
})

test('a page of an allowed site reads what is wrong, and how long to wait', async () => {
  expect(await fromPage(app.origin, { url: at('add-note'), body: {} })).toMatchObject({
    status: 400,
    body: { fields: { author: 'This field is required.' } },
  })
  await main.manage('/list-notes', { method: 'PATCH', body: { rateLimit: { perMin: 1 } } })
  expect(await fromPage(app.origin, { url: at('list-notes?author=ada') })).toMatchObject({
    status: 429,
    retryAfter: expect.stringMatching(/^\d+$/),
  })
  await main.manage('/list-notes', { method: 'PATCH', body: { rateLimit: null } })
})

test('a page of another site gets nothing, and writes nothing, whether its browser asks beforehand or not', async () => {
  expect(await fromPage(stranger.origin, { url: at('list-notes?author=ada') })).toBe(blocked)
  for (const contentType of ['application/json', 'text/plain']) {
    const body = { author: 'stranger', text: `by ${contentType}` }
    expect(await fromPage(stranger.origin, { url: at('add-note'), body, contentType })).toBe(blocked)
  }
  const { body } = await main.admin.query("SELECT count(*) FROM notes WHERE author = 'stranger'")
  expect(body.data.rows).toEqual([[0]])
})

test('a page of any site may read what endpoints there are', async () => {
  const url = at('.well-known/endpoints.json')
  expect(await fromPage(stranger.origin, { url })).toMatchObject({ status: 200, body: { namespace: 'acme' } })
  expect(await fromPage(stranger.origin, { url: at('openapi.json') })).toMatchObject({ status: 200 })
})
