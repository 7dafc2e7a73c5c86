import type { Browser, BrowserContextOptions, CDPSession, Page } from 'playwright-core'

/** A page: its path, the text that shows it has loaded, and the role of an element to click. */
export interface Place {
  name: string
  path: string
  ready: string
  click: string
}

/** The cost of one load: kilobytes over the wire, and milliseconds since the navigation started. */
export interface Load {
  assetsKb: number
  answersKb: number
  paintMs: number
  readyMs: number
  clickedMs: number
  blockedMs: number
}

/** Measures loads with an empty cache and returns their medians. */
export async function measureLoad(
  browser: Browser,
  origin: string,
  storageState: BrowserContextOptions['storageState'],
  places: readonly Place[],
  rounds: number,
): Promise<{ name: string; load: Load }[]> {
  const loads = new Map<string, Load[]>(places.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const place of places) {
      const context = await browser.newContext({ storageState, viewport: { width: 1280, height: 800 } })
      loads.get(place.name)?.push(await oneLoad(await context.newPage(), origin, place))
      await context.close()
    }
  }
  return places.map(({ name }) => ({ name, load: getMedian(loads.get(name) ?? []) }))
}

async function oneLoad(page: Page, origin: string, { path, ready, click }: Place): Promise<Load> {
  const wire = await onTheWire(await page.context().newCDPSession(page))
  await page.addInitScript(watch, ready)
  await page.goto(origin + path, { waitUntil: 'commit' })
  await page.locator(ready).first().waitFor()
  await page
    .locator('main')
    .getByRole(click as 'button')
    .first()
    .click()
  await page.waitForLoadState('networkidle')
  return { ...(await page.evaluate(() => (window as unknown as { watched: Watched }).watched)), ...wire() }
}

type Watched = Omit<Load, 'assetsKb' | 'answersKb'>

/** Runs in the page before its own scripts. */
function watch(ready: string): void {
  const watched: Watched = { paintMs: 0, readyMs: 0, clickedMs: 0, blockedMs: 0 }
  Object.assign(window, { watched })
  const observe = (type: string, note: (entry: PerformanceEntry) => void) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true })
  observe('largest-contentful-paint', ({ startTime }) => {
    watched.paintMs = startTime
  })
  observe('longtask', ({ duration }) => {
    watched.blockedMs += Math.max(0, duration - 50)
  })
  addEventListener(
    'click',
    () =>
      requestAnimationFrame(() => {
        watched.clickedMs ||= performance.now()
      }),
    { capture: true },
  )
  const look = () => {
    if (document.querySelector(ready)?.textContent) watched.readyMs = performance.now()
    else requestAnimationFrame(look)
  }
  look()
}

/** Counts the bytes of files and API responses, compressed and with headers. */
async function onTheWire(cdp: CDPSession): Promise<() => Pick<Load, 'assetsKb' | 'answersKb'>> {
  const urls = new Map<string, string>()
  const bytes = { assets: 0, answers: 0 }
  cdp.on('Network.requestWillBeSent', ({ requestId, request }) => void urls.set(requestId, request.url))
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    bytes[urls.get(requestId)?.includes('/api/') ? 'answers' : 'assets'] += encodedDataLength
  })
  await cdp.send('Network.enable')
  return () => ({ assetsKb: bytes.assets / 1000, answersKb: bytes.answers / 1000 })
}

function getMedian(loads: readonly Load[]): Load {
  const middle = (name: keyof Load) =>
    loads.map((load) => load[name]).sort((a, b) => a - b)[Math.floor(loads.length / 2)] ?? Number.NaN
  return {
    assetsKb: middle('assetsKb'),
    answersKb: middle('answersKb'),
    paintMs: middle('paintMs'),
    readyMs: middle('readyMs'),
    clickedMs: middle('clickedMs'),
    blockedMs: middle('blockedMs'),
  }
}
