import { useCallback, useMemo } from 'react'
import { Grid } from '../../ui/grid.tsx'
import type { GridColumn } from '../../ui/grid-header.tsx'
import { formatCell, getColumnWidth } from '../results/cell-view.ts'
import type { Value } from '../results/values.ts'
import { ColumnHead } from './column-header.tsx'
import type { RowChanges } from './row-changes.ts'
import type { RowIdentity } from './row-identity.ts'
import type { Row, TableView } from './row-queries.ts'
import type { RowSource } from './row-source.ts'
import { useSource } from './use-rows.ts'

const HEAD_PX = 68
const SAMPLE = 50
const EDITED = 'bg-warning-soft font-medium'

interface RowsGridProps {
  shape: RowIdentity
  source: RowSource
  total: number | undefined
  look: TableView
  draft: RowChanges
  onSort: (column: string) => void
  onFilter: (column: string, text: string) => void
  onOpen: (cell: { row: Row; column: number }) => void
  onDelete: ((row: Row) => void) | undefined
}

/** The rows of a table with their pending changes. */
export function RowsGrid({ shape, source, total = -1, look, draft, onOpen, onDelete, ...rest }: RowsGridProps) {
  const { onSort, onFilter } = rest
  useSource(source, (now) => now.version())
  const widths = useWidths(shape, source)
  const columns = useMemo(
    () =>
      shape.columns.map((column, index): GridColumn => {
        const isSorted = look.sort?.column === column.name
        const direction = isSorted ? (look.sort?.isDown ? 'descending' : 'ascending') : undefined
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
      }),
    [shape, widths, look, onSort, onFilter],
  )
  const changes = useMemo(() => new Map(draft.map((change) => [change.id, change])), [draft])
  const cell = useCallback(
    (row: Row, index: number) => {
      const change = changes.get(row.id)
      const name = shape.columns[index]?.name ?? ''
      if (change?.kind !== 'edit' || !(name in change.after)) {
        return formatCell(row.cells[index] ?? null, row.marks[index] === '1')
      }
      const { text, look: known = '' } = formatCell(change.after[name] as Value)
      return { text, look: `${known} ${EDITED}` }
    },
    [changes, shape],
  )
  const see = useCallback<RowSource['see']>((...sight) => source.see(...sight), [source])
  return (
    <Grid
      label={`Rows of ${shape.name}`}
      className="h-[65dvh] min-h-80"
      columns={columns}
      headPx={HEAD_PX}
      count={source.count}
      total={total}
      rowAt={source.rowAt}
      cell={cell}
      rowLook={({ id }) => (changes.get(id)?.kind === 'delete' ? 'bg-danger-soft text-danger line-through' : undefined)}
      onOpen={({ row: at, column }) => {
        const row = source.rowAt(at)
        if (row) onOpen({ row, column })
      }}
      onKey={({ key }, { row: at }) => {
        const row = source.rowAt(at)
        if (row && onDelete && (key === 'Delete' || key === 'Backspace')) onDelete(row)
      }}
      onSight={see}
      rowsId={JSON.stringify(source.look)}
    />
  )
}

/** Returns widths that fit the first rows and stay the same while others load. */
function useWidths(shape: RowIdentity, source: RowSource): number[] {
  const first = source.rowAt(0)?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sample only changes with the first row
  return useMemo(() => {
    const sample = Array.from({ length: Math.min(SAMPLE, source.count) }, (_, at) => source.rowAt(at))
    return shape.columns.map(({ name, type }, index) =>
      getColumnWidth(
        `${name} ${type.slice(0, 12)}`,
        sample.map((row) => row?.cells[index] ?? null),
      ),
    )
  }, [shape, first])
}
