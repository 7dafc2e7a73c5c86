import { type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { columnsAt, getColumnOffsets, rowsAt, type Span, scrolledTo } from './grid-window.ts'

interface Sizes {
  count: number
  widths: readonly number[]
  rowPx: number
  headPx: number
}

/** Receives the rows in view and how many rows the scrolling is ahead of them. Upward is negative. */
export type OnSight = (first: number, last: number, ahead: number) => void

/** The minimum number of rows to load ahead, for any speed. */
const AHEAD_ROWS = 250
const AHEAD_MS = 600
/** A scroll farther than this is a jump to a position, not a speed to extrapolate. */
const JUMP_PX = 5000
/** The speed restarts at 0 after a pause of this length. */
const PAUSE_MS = 300

/** Returns the rows and columns of a scrolling box that must be rendered. */
export function useVisibleRange(
  box: RefObject<HTMLDivElement | null>,
  { count, widths, rowPx, headPx }: Sizes,
  onSight?: OnSight,
) {
  const starts = useMemo(() => getColumnOffsets(widths), [widths])
  const [rows, setRows] = useState<Span>({ from: 0, to: Math.min(count, 40) })
  const [columns, setColumns] = useState<Span>(() => columnsAt(0, 1200, starts))
  const size = useRef({ height: 0, width: 0 })
  const last = useRef({ scrollTop: 0, at: 0, speed: 0 })
  const look = useCallback(() => {
    const { current } = box
    if (!current) return
    const { scrollTop, scrollLeft } = current
    const { height, width } = size.current
    const nextRows = rowsAt(scrollTop, height, rowPx, count)
    setRows((known) => (isSame(known, nextRows) ? known : nextRows))
    setColumns((known) => {
      const next = columnsAt(scrollLeft, width, starts, known)
      return isSame(known, next) ? known : next
    })
    const now = performance.now()
    const isOn = now - last.current.at < PAUSE_MS
    const moved = scrollTop - last.current.scrollTop
    const isJump = Math.abs(moved) > JUMP_PX
    const speed = isJump ? 0 : moved === 0 && isOn ? last.current.speed : moved / Math.max(8, now - last.current.at)
    const ahead = AHEAD_ROWS + Math.abs(speed * AHEAD_MS) / rowPx
    onSight?.(
      Math.floor(scrollTop / rowPx),
      Math.min(count - 1, Math.ceil((scrollTop + height - headPx) / rowPx)),
      speed < 0 ? -ahead : ahead,
    )
    if (moved !== 0 || !isOn) last.current = { scrollTop, at: now, speed }
  }, [box, count, starts, rowPx, headPx, onSight])

  useLayoutEffect(() => {
    const { current } = box
    if (!current) return
    const measure = () => {
      size.current = { height: current.clientHeight, width: current.clientWidth }
    }
    measure()
    look()
    // Renders in the frame of the scroll event. A later render would miss that frame.
    const scrolled = () => flushSync(look)
    current.addEventListener('scroll', scrolled, { passive: true })
    const observer = new ResizeObserver(() => {
      measure()
      look()
    })
    observer.observe(current)
    return () => {
      current.removeEventListener('scroll', scrolled)
      observer.disconnect()
    }
  }, [box, look])
  const reveal = useCallback(
    (row: number, column: number) => {
      const { current } = box
      if (!current) return
      const { height, width } = size.current
      current.scrollTop = scrolledTo(row * rowPx, (row + 1) * rowPx, current.scrollTop, height - headPx)
      current.scrollLeft = scrolledTo(starts[column] ?? 0, starts[column + 1] ?? 0, current.scrollLeft, width)
    },
    [box, starts, rowPx, headPx],
  )
  return { rows: { from: rows.from, to: Math.min(rows.to, count) }, columns, starts, reveal }
}

const isSame = (a: Span, b: Span) => a.from === b.from && a.to === b.to
