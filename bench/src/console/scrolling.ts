import type { CDPSession, Page } from 'playwright-core'
import type { Visit } from '../../../test/console/visit.ts'
import { ROWS } from './fill.ts'
import { type Frames, recordFrames } from './frames.ts'

/** A way to scroll through rows, and the frames painted during it. */
export interface Scroll {
  name: string
  frames: Frames
  requests: number
  rowsRead: number
  /** CPU time of the page's main thread per frame, which other processes don't affect. */
  cpuMs: number
  /** JavaScript heap at the end, after a garbage collection. */
  heapMb: number
}

const CENTRE = { x: 640, y: 600 }
const FAR = [0.5, 0.9, 0.1, 0.7, 0.3, 0.95, 0.2, 0.6, 0.05, 0.8]

/** Measures all ways to scroll, each on a reloaded page. The first and the last scroll an empty page. */
export async function measureScrolls({ page, ns, go }: Visit, emptyPage: string): Promise<Scroll[]> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  const read = { requests: 0, rowsRead: 0 }
  page.on('response', async (response) => {
    if (!response.url().endsWith('/query')) return
    read.requests++
    const { data } = await response.json().catch(() => ({}))
    read.rowsRead += data?.rowsRead ?? 0
  })
  const measure = async (name: string, happens: () => Promise<unknown>): Promise<Scroll> => {
    Object.assign(read, { requests: 0, rowsRead: 0 })
    const before = await cpuMs(cdp)
    const frames = await recordFrames(page, happens)
    const cpu = ((await cpuMs(cdp)) - before) / frames.deltasMs.length
    await page.waitForLoadState('networkidle')
    process.stderr.write(`${name}\n`)
    return { name, frames, ...read, cpuMs: cpu, heapMb: await heapMb(cdp) }
  }
  const empty = async () => {
    await page.goto(emptyPage)
    return measure('floor: an empty page', () => page.waitForTimeout(4000))
  }
  const table = async (name: string, way: string, happens: () => Promise<unknown>) => {
    await go(`/${ns}/main/tables/${name}`)
    await page.locator('[role=gridcell]').first().waitFor()
    await page.getByRole('grid').focus()
    return measure(`${name}: ${way}`, happens)
  }
  return [
    await empty(),
    await table('many', 'wheel, 5 s', () => wheel(cdp, 5, 'y')),
    await table('many', '2,000 px a frame to the end', () => through(page)),
    await table('many', 'PageDown 150 times', () => keys(page, 'PageDown', 150)),
    await table('many', 'ArrowDown 150 times', () => keys(page, 'ArrowDown', 150)),
    await table('many', 'dragged to ten far places', () => far(page)),
    await table('wide', 'wheel across, 3 s', () => wheel(cdp, 3, 'x')),
    await table('wide', 'wheel, 3 s', () => wheel(cdp, 3, 'y')),
    await empty(),
  ]
}

async function cpuMs(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics')
  return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1000
}

async function heapMb(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage')
  const { usedSize } = await cdp.send('Runtime.getHeapUsage')
  return usedSize / 1e6
}

/** Turns the wheel continuously, 120 px at a time, 60 times per second. */
async function wheel(cdp: CDPSession, seconds: number, axis: 'x' | 'y'): Promise<void> {
  const turned = []
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const delta = { deltaX: axis === 'x' ? 120 : 0, deltaY: axis === 'y' ? 120 : 0 }
    turned.push(cdp.send('Input.dispatchMouseEvent', { type: 'mouseWheel', ...CENTRE, ...delta }))
    await new Promise((resolve) => setTimeout(resolve, 16))
  }
  await Promise.all(turned)
}

/** Scrolls towards the last row until the time limit. */
const through = (page: Page) =>
  page.evaluate(
    async ({ rows, mostMs }) => {
      const grid = document.querySelector('[role=grid]') as HTMLElement
      const end = performance.now() + mostMs
      while (performance.now() < end && !grid.textContent?.includes(`row ${rows}`)) {
        grid.scrollTop += 2000
        await new Promise(requestAnimationFrame)
      }
    },
    { rows: ROWS, mostMs: 40_000 },
  )

async function keys(page: Page, key: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await page.keyboard.press(key)
}

/** Drags the scroll bar to each position in 10 frames, and waits there for the rows. */
const far = (page: Page) =>
  page.evaluate(async (places) => {
    const grid = document.querySelector('[role=grid]') as HTMLElement
    const frame = () => new Promise(requestAnimationFrame)
    const isThere = () => {
      const at = Math.floor(grid.scrollTop / 34) + 5
      return Boolean(grid.querySelector(`[aria-rowindex="${at + 2}"]`)?.textContent)
    }
    for (const place of places) {
      const from = grid.scrollTop
      const to = place * (grid.scrollHeight - grid.clientHeight)
      for (let step = 1; step <= 10; step++) {
        grid.scrollTop = from + ((to - from) * step) / 10
        await frame()
      }
      while (!isThere()) await frame()
    }
  }, FAR)
