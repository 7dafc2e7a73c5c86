import { useMemo } from 'react'
import { classes } from '../../ui/classes.ts'
import { Grid, type GridColumn } from '../../ui/grid.tsx'
import { CellView, widthOf } from '../results/cell-view.tsx'
import type { Value } from '../results/values.ts'
import type { Draft } from './changing.ts'
import { ColumnHead } from './column-head.tsx'
import type { Look, Row } from './reading.ts'
import type { Shape } from './shape.ts'

const HEAD_PX = 68
const SAMPLE = 50

interface RowsGridProps {
  shape: Shape
  rows: readonly Row[]
  total: number | undefined
  look: Look
  draft: Draft
  onSort: (column: string) => void
  onFilter: (column: string, text: string) => void
  onOpen: (cell: { row: Row; column: number }) => void
  onDelete: ((row: Row) => void) | undefined
  onNearEnd: () => void
}

/** Rows as they are, with what is to become of them. */
export function RowsGrid({
  shape,
  rows,
  total = -1,
  look,
  draft,
  onOpen,
  onDelete,
  onNearEnd,
  ...rest
}: RowsGridProps) {
  const { onSort, onFilter } = rest
  const first = rows[0]?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: widths stay while rows are added
  const widths = useMemo(
    () =>
      shape.columns.map(({ name, type }, index) =>
        widthOf(
          `${name} ${type.slice(0, 12)}`,
          rows.slice(0, SAMPLE).map(({ cells }) => cells[index] ?? null),
        ),
      ),
    [shape, first],
  )
  const columns = shape.columns.map((column, index): GridColumn => {
    const direction = look.sort?.column === column.name ? (look.sort.isDown ? 'descending' : 'ascending') : undefined
    return {
      name: column.name,
      widthPx: widths[index] ?? 120,
      ...(direction && { sort: direction }),
      head: (
        <ColumnHead
          column={column}
          direction={direction}
          filter={look.filters[column.name] ?? ''}
          onSort={() => onSort(column.name)}
          onFilter={(text) => onFilter(column.name, text)}
        />
      ),
    }
  })
  const changes = useMemo(() => new Map(draft.map((change) => [change.id, change])), [draft])
  const cell = (at: number, index: number) => {
    const row = rows[at]
    if (!row) return null
    const change = changes.get(row.id)
    const name = shape.columns[index]?.name ?? ''
    const isEdited = change?.kind === 'edit' && name in change.after
    if (!isEdited) return <CellView value={row.cells[index] ?? null} isCut={row.marks[index] === '1'} />
    return (
      <span className="-mx-2 flex h-full grow items-center bg-warning-soft px-2 font-medium">
        <CellView value={change.after[name] as Value} />
      </span>
    )
  }
  return (
    <Grid
      label={`Rows of ${shape.name}`}
      className="h-[65dvh] min-h-80"
      columns={columns}
      headPx={HEAD_PX}
      count={rows.length}
      total={total}
      cell={cell}
      rowLook={(at) => {
        const isGoing = changes.get(rows[at]?.id ?? '')?.kind === 'delete'
        return classes(isGoing && 'bg-danger-soft text-danger line-through')
      }}
      onOpen={({ row: at, column }) => {
        const row = rows[at]
        if (row) onOpen({ row, column })
      }}
      onKey={(event, { row: at }) => {
        const row = rows[at]
        if (row && onDelete && (event.key === 'Delete' || event.key === 'Backspace')) onDelete(row)
      }}
      onNearEnd={onNearEnd}
    />
  )
}
