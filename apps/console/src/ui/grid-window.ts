/** Things in a line of which those from `from` to before `to` are made. */
export interface Span {
  from: number
  to: number
}

/** Rows above and below those in sight, so that a turn of the wheel finds them there. */
const SPARE_ROWS = 12
/** A window moves in steps of so many rows, and most small movements change nothing. */
const STEP = 4
const SPARE_PX = 300

/** The rows to make where a box is scrolled to: always as many, so that their elements are used again. */
export function rowsAt(scrollTop: number, height: number, rowPx: number, count: number): Span {
  const size = Math.ceil(height / rowPx) + 2 * SPARE_ROWS + STEP
  const wanted = Math.floor((scrollTop / rowPx - SPARE_ROWS) / STEP) * STEP
  const from = Math.max(0, Math.min(wanted, count - size))
  return { from, to: Math.min(count, from + size) }
}

/** Where each column begins, and where the last one ends. */
export function startsOf(widths: readonly number[]): number[] {
  const starts = [0]
  for (const width of widths) starts.push((starts.at(-1) ?? 0) + width)
  return starts
}

/** The columns to make where a box is scrolled to: those made before, as long as all in sight are among them. */
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

/** How far to scroll so that all of something is in sight: nothing where it is. */
export function scrolledTo(start: number, end: number, scroll: number, size: number): number {
  if (start < scroll) return start
  return end > scroll + size ? end - size : scroll
}
