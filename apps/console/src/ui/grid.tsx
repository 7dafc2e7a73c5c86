import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { classes } from './classes.ts'
import { type Place, placeAfter } from './grid-keys.ts'

const ROW_PX = 34

/** A column of a grid: its width in pixels, and what stands above it. */
export interface GridColumn {
  name: string
  widthPx: number
  head: ReactNode
  sort?: 'ascending' | 'descending'
}

interface GridProps {
  /** What the grid shows, for those who do not see it. */
  label: string
  columns: readonly GridColumn[]
  /** Rows that are there. */
  count: number
  /** Rows there will be, once all are there; `-1` where that is not known. */
  total?: number
  headPx?: number
  cell: (row: number, column: number) => ReactNode
  /** More classes of a row. */
  rowLook?: (row: number) => string | undefined
  /** Enter, F2, a double click, or a second tap. */
  onOpen?: (place: Place) => void
  /** Other keys than those that move. */
  onKey?: (event: KeyboardEvent, place: Place) => void
  /** The end is near: there had better be more rows soon. */
  onNearEnd?: () => void
  /** Of the box, which scrolls. */
  className?: string
}

/**
 * A grid of any number of rows and columns, of which those in sight exist. The focus stays on the grid, which tells
 * what cell is meant: a cell that scrolls away would take the focus with it.
 */
export function Grid({ label, columns, count, total = count, headPx = ROW_PX, className, ...rest }: GridProps) {
  const { cell, rowLook, onOpen, onKey, onNearEnd } = rest
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState<Place>({ row: 0, column: 0 })
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollPaddingEnd: headPx,
  })
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => columns[index]?.widthPx ?? 0,
    overscan: 3,
  })
  const shown = rows.getVirtualItems()
  const shownColumns = across.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= count - 500) onNearEnd?.()
  }, [last, count, onNearEnd])
  // biome-ignore lint/correctness/useExhaustiveDependencies: other columns have other widths
  useEffect(() => across.measure(), [columns])

  const press = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || count === 0) return
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 2)
    const next = placeAfter(event, place, { rows: count, columns: columns.length, page })
    if (next) {
      event.preventDefault()
      setPlace(next)
      rows.scrollToIndex(next.row)
      across.scrollToIndex(next.column)
    } else if (event.key === 'Enter' || event.key === 'F2') {
      event.preventDefault()
      onOpen?.(place)
    } else onKey?.(event, place)
  }
  const isHere = (row: number, column: number) => row === place.row && column === place.column
  const cellId = (row: number, column: number) => `${id}-${row}-${column}`
  const isShown = shown.some(({ index }) => index === place.row)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element cannot leave out the rows that are not in sight
    <div
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={total < 0 ? -1 : total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={isShown ? cellId(place.row, place.column) : undefined}
      onKeyDown={press}
      className={classes(
        'group relative overflow-auto rounded-card border border-line bg-surface -outline-offset-2 [contain:strict] [overflow-anchor:none]',
        className,
      )}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above, the grid has the focus */}
      <div
        role="row"
        aria-rowindex={1}
        className="sticky top-0 z-10 border-b border-line bg-sunken text-sm"
        style={{ height: headPx, width: across.getTotalSize(), minWidth: '100%' }}
      >
        {shownColumns.map(({ index, start, size }) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={index}
            role="columnheader"
            aria-colindex={index + 1}
            aria-sort={columns[index]?.sort}
            className="absolute top-0 h-full overflow-hidden border-r border-line px-2 py-1.5"
            style={{ left: start, width: size }}
          >
            {columns[index]?.head}
          </div>
        ))}
      </div>
      <div
        role="presentation"
        className="relative"
        style={{ height: rows.getTotalSize(), width: across.getTotalSize() }}
      >
        {shown.map(({ index: row, start: top }) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={row}
            role="row"
            aria-rowindex={row + 2}
            className={classes('absolute left-0 w-full border-b border-line', rowLook?.(row))}
            style={{ height: ROW_PX, transform: `translateY(${top}px)` }}
          >
            {shownColumns.map(({ index: column, start, size }) => (
              // biome-ignore lint/a11y/useSemanticElements: as above
              // biome-ignore lint/a11y/useFocusableInteractive: as above
              // biome-ignore lint/a11y/useKeyWithClickEvents: keys arrive at the grid
              <div
                key={column}
                id={cellId(row, column)}
                role="gridcell"
                aria-colindex={column + 1}
                aria-selected={isHere(row, column)}
                onClick={() => (isHere(row, column) ? onOpen?.({ row, column }) : setPlace({ row, column }))}
                className={classes(
                  'absolute flex h-full items-center overflow-hidden border-r border-line px-2 text-sm whitespace-nowrap',
                  isHere(row, column) && 'outline-2 -outline-offset-2 outline-line-strong group-focus:outline-accent',
                )}
                style={{ left: start, width: size }}
              >
                {cell(row, column)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}
