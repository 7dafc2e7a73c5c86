import { memo } from 'react'
import { classes } from './class-names.ts'
import type { Span } from './grid-window.ts'

export const ROW_PX = 34

/** The content of a cell: a text and its classes. */
export interface GridCell {
  text: string
  look?: string
}

interface GridRowProps<Row> {
  index: number
  /** `undefined` while the row loads. */
  row: Row | undefined
  columns: Span
  /** The position of each column. */
  places: readonly { left: number; width: number }[]
  cell: (row: Row, column: number) => GridCell
  look?: string | undefined
  /** The column of the active cell, if that is in this row. */
  here?: number | undefined
  hereId: string
}

function AnyRow<Row>({ index, row, columns, places, cell, look, here, hereId }: GridRowProps<Row>) {
  const cells = []
  for (let column = columns.from; column < columns.to; column++) {
    const { text, look: cellLook } = row === undefined ? { text: '' } : cell(row, column)
    const isHere = column === here
    cells.push(
      // biome-ignore lint/a11y/useSemanticElements: a table element can't omit the rows that are out of view
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
      <div
        key={column}
        id={isHere ? hereId : undefined}
        role="gridcell"
        aria-colindex={column + 1}
        aria-selected={isHere}
        className={classes('grid-cell', cellLook, isHere && 'grid-cell-here')}
        style={places[column]}
      >
        {text}
      </div>,
    )
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above
    // biome-ignore lint/a11y/useFocusableInteractive: as above
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-busy={row === undefined || undefined}
      className={classes('grid-row', row === undefined && 'grid-row-coming', look)}
      style={{ transform: `translateY(${index * ROW_PX}px)` }}
    >
      {cells}
    </div>
  )
}

/** A row of a grid that renders again only if its props change. */
export const GridRow = memo(AnyRow) as typeof AnyRow
