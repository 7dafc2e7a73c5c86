import { type KeyboardEvent, type MouseEvent, useId, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { classes } from './class-names.ts'
import { type GridColumn, GridHeads } from './grid-header.tsx'
import { type CellPosition, placeAfter } from './grid-keys.ts'
import { type GridCell, GridRow, ROW_PX } from './grid-row.tsx'
import { type OnSight, useVisibleRange } from './use-visible-range.ts'

interface GridProps<Row> {
  /** The grid's content for screen readers. */
  label: string
  columns: readonly GridColumn[]
  /** The number of rows that can be scrolled to. */
  count: number
  /** The number of rows after all are loaded, or `-1` if unknown. */
  total?: number
  headPx?: number
  /** Returns a row, or `undefined` while it loads. */
  rowAt: (row: number) => Row | undefined
  /** Returns the content of a cell. Unchanged rows aren't rendered again as long as the function is the same. */
  cell: (row: Row, column: number) => GridCell
  /** Returns more classes for a row. */
  rowLook?: (row: Row) => string | undefined
  /** Handles Enter, F2, a double click or a second tap. */
  onOpen?: (place: CellPosition) => void
  /** Handles all keys that don't move the active cell. */
  onKey?: (event: KeyboardEvent, place: CellPosition) => void
  onSight?: OnSight
  /** Identifies the rows. When it changes, the grid scrolls to the first row. */
  rowsId?: string
  /** Classes of the scrolling box. */
  className?: string
}

/**
 * A grid of any size that only renders the cells in view. The focus stays on the grid, which names the active cell for
 * screen readers: a focused cell that scrolls out of view would lose the focus.
 */
export function Grid<Row>({ label, columns, count, total = count, headPx = ROW_PX, ...rest }: GridProps<Row>) {
  const { rowAt, cell, rowLook, onOpen, onKey, onSight, rowsId, className } = rest
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState<CellPosition>({ row: 0, column: 0 })
  const widths = useMemo(() => columns.map(({ widthPx }) => widthPx), [columns])
  // biome-ignore lint/correctness/useExhaustiveDependencies: different rows start at the top
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0
    setPlace(({ column }) => ({ row: 0, column }))
  }, [rowsId])
  const {
    rows,
    columns: across,
    starts,
    reveal,
  } = useVisibleRange(box, { count, widths, rowPx: ROW_PX, headPx }, onSight)
  const places = useMemo(() => widths.map((width, at) => ({ left: starts[at] ?? 0, width })), [widths, starts])
  const widthPx = starts.at(-1) ?? 0

  const press = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || count === 0) return
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 2)
    const next = placeAfter(event, place, { rows: count, columns: columns.length, page })
    if (next) {
      event.preventDefault()
      setPlace(next)
      reveal(next.row, next.column)
    } else if (event.key === 'Enter' || event.key === 'F2') {
      event.preventDefault()
      onOpen?.(place)
    } else onKey?.(event, place)
  }
  const click = ({ target }: MouseEvent) => {
    const next = findPosition(target as Element)
    if (!next) return
    if (next.row === place.row && next.column === place.column) onOpen?.(place)
    else setPlace(next)
  }
  const shown = []
  // The number of slots is constant: a row that leaves at the top returns at the bottom with other content.
  const slots = Math.max(1, rows.to - rows.from)
  for (let index = rows.from; index < rows.to; index++) {
    const row = rowAt(index)
    shown.push(
      <GridRow
        key={index % slots}
        index={index}
        row={row}
        columns={across}
        places={places}
        cell={cell}
        look={row === undefined ? undefined : rowLook?.(row)}
        here={index === place.row ? place.column : undefined}
        hereId={id}
      />,
    )
  }
  const isShown =
    place.row >= rows.from && place.row < rows.to && place.column >= across.from && place.column < across.to
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element can't omit the rows that are out of view
    <div
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={total < 0 ? -1 : total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={isShown ? id : undefined}
      onClick={click}
      onKeyDown={press}
      className={classes(
        'group relative overflow-auto rounded-card border border-line bg-surface -outline-offset-2 [contain:strict] [overflow-anchor:none]',
        className,
      )}
    >
      <GridHeads columns={columns} shown={across} places={places} heightPx={headPx} widthPx={widthPx} />
      <div role="presentation" className="relative" style={{ height: count * ROW_PX, width: widthPx }}>
        {shown}
      </div>
    </div>
  )
}

function findPosition(target: Element): CellPosition | undefined {
  const cell = target.closest('[role=gridcell]')
  const row = cell?.closest('[role=row]')
  return cell && row ? { row: Number(row.ariaRowIndex) - 2, column: Number(cell.ariaColIndex) - 1 } : undefined
}
