/** A half-open range of indexes: `from` is included, `to` isn't. */
export interface Span {
  from: number
  to: number
}

/** Rows that are rendered above and below the view, so that a turn of the mouse wheel reveals rendered rows. */
const SPARE_ROWS = 12
/** The window moves in steps of this number of rows, so most small scrolls change nothing. */
const STEP = 4
const SPARE_PX = 300

/**
 * Returns the rows to render at a scroll position. The number of rows is constant, so that their elements are reused.
 */
export function rowsAt(scrollTop: number, height: number, rowPx: number, count: number): Span {
  const size = Math.ceil(height / rowPx) + 2 * SPARE_ROWS + STEP
  const wanted = Math.floor((scrollTop / rowPx - SPARE_ROWS) / STEP) * STEP
  const from = Math.max(0, Math.min(wanted, count - size))
  return { from, to: Math.min(count, from + size) }
}

/** Returns the left edge of each column, and the right edge of the last one. */
export function getColumnOffsets(widths: readonly number[]): number[] {
  const starts = [0]
  for (const width of widths) starts.push((starts.at(-1) ?? 0) + width)
  return starts
}

/** Returns the columns to render: the previous range as long as it contains all columns in view. */
export function columnsAt(scrollLeft: number, width: number, starts: readonly number[], before?: Span): Span {
  const sight = columnsWithin(scrollLeft, scrollLeft + width, starts)
  const isThere = before && before.from <= sight.from && before.to >= sight.to && before.to < starts.length
  return isThere ? before : columnsWithin(scrollLeft - SPARE_PX, scrollLeft + width + SPARE_PX, starts)
}

function columnsWithin(left: number, right: number, starts: readonly number[]): Span {
  const count = starts.length - 1
  let from = 0
  while (from < count - 1 && (starts[from + 1] ?? 0) <= left) from++
  let to = from
  while (to < count && (starts[to] ?? 0) < right) to++
  return { from, to }
}

/** Returns the scroll position that brings a whole element into view. */
export function scrolledTo(start: number, end: number, scroll: number, size: number): number {
  if (start < scroll) return start
  return end > scroll + size ? end - size : scroll
}
