import type { Page } from 'playwright-core'

/** Frames that a browser painted during an action. */
export interface Frames {
  tookMs: number
  /** Milliseconds between frames, in ascending order. */
  deltasMs: number[]
  /** Frames with a visible row that had no content yet. */
  blank: number
}

/** Records the frames of a page during an action. */
export async function recordFrames(page: Page, happens: () => Promise<unknown>): Promise<Frames> {
  await page.evaluate(record)
  await happens()
  const { deltas, blank } = await page.evaluate(() => (window as unknown as { recorded: () => Recorded }).recorded())
  return { tookMs: deltas.reduce((sum, delta) => sum + delta, 0), deltasMs: deltas.sort((a, b) => a - b), blank }
}

/** Returns a percentile of the frame times. */
export const getPercentile = ({ deltasMs }: Frames, share: number): number =>
  deltasMs[Math.floor(share * (deltasMs.length - 1))] ?? Number.NaN

interface Recorded {
  deltas: number[]
  blank: number
}

/** Runs in the page without forcing layout: positions follow from the row numbers. */
function record(): void {
  const ROW_PX = 34
  const grid = document.querySelector<HTMLElement>('[role=grid]')
  const height = grid?.clientHeight ?? 0
  let scrollTop = grid?.scrollTop ?? 0
  grid?.addEventListener('scroll', () => {
    scrollTop = grid.scrollTop
  })
  const isBlank = () => {
    if (!grid) return false
    const there = new Set<number>()
    for (const row of grid.querySelectorAll('[role=row]')) {
      if (row.textContent) there.add(Number(row.getAttribute('aria-rowindex')) - 2)
    }
    const last = Math.min(
      Number(grid.getAttribute('aria-rowcount')) - 2,
      Math.floor((scrollTop + height - 80) / ROW_PX),
    )
    for (let row = Math.floor(scrollTop / ROW_PX); row <= last; row++) if (!there.has(row)) return true
    return false
  }
  const recorded: Recorded = { deltas: [], blank: 0 }
  let before = performance.now()
  let isOver = false
  const frame = (now: number) => {
    if (isOver) return
    recorded.deltas.push(now - before)
    before = now
    if (isBlank()) recorded.blank++
    requestAnimationFrame(frame)
  }
  requestAnimationFrame((now) => {
    before = now
    requestAnimationFrame(frame)
  })
  Object.assign(window, {
    recorded: () => {
      isOver = true
      return recorded
    },
  })
}
