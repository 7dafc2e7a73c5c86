import type { ReactNode } from 'react'
import { classes } from './class-names.ts'
import { SortHead } from './sort-header.tsx'
import { nextSort, type Sort, type SortValue, sorted } from './sorting.ts'

/** A column: its header and its cells. */
export interface Column<T> {
  name: string
  cell: (row: T) => ReactNode
  /** Right-aligns the column. */
  isNumber?: boolean
  /** Hides the column on narrow screens. */
  isExtra?: boolean
  /** Shows the name to screen readers only. */
  isUnnamed?: boolean
  /** The name and value to sort by. */
  sort?: { id: string; value: (row: T) => SortValue; startsDown?: boolean }
}

interface TableProps<T> {
  /** The table's content for screen readers. */
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  getKey: (row: T) => string | number
  /** The sort order of the table, for columns with `sort`. */
  sort?: Sort | undefined
  onSort?: (sort: Sort) => void
}

/** Texts up to this length are dates, names and states, which don't wrap. */
const SHORT = 24

/**
 * A table whose first column names the row. On phones, a row with more than a name and a number becomes a block: the
 * name, the actions and then one line per column; the headers stay if the table is sortable. The ARIA roles are
 * explicit, because `display` styles remove the native ones.
 */
export function Table<T>({ label, columns, rows, getKey, sort, onSort }: TableProps<T>) {
  const [, second, ...more] = columns.filter(({ isExtra }) => !isExtra)
  const isStacked = more.length > 0 || (second !== undefined && !second.isNumber)
  const hidden = 'max-sm:sr-only'
  const part = {
    head: isStacked && (onSort ? 'max-sm:block' : hidden),
    heads: isStacked && onSort && 'max-sm:flex max-sm:flex-wrap max-sm:gap-x-4 max-sm:px-4 max-sm:py-2',
    body: isStacked && 'max-sm:block',
    row: isStacked && STACKED.row,
  }
  const by = columns.find((column) => column.sort && column.sort.id === sort?.by)?.sort
  const inOrder = by && sort ? sorted(rows, by.value, sort.isDown) : rows
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable with the keyboard
    <section className="overflow-x-auto rounded-card border border-line bg-surface" aria-label={label} tabIndex={0}>
      <table {...AS.table} className={classes('w-full text-left', part.body)}>
        <thead {...AS.rowgroup} className={classes('border-b border-line text-sm text-muted', part.head)}>
          <tr {...AS.row} className={classes(part.heads)}>
            {columns.map(({ name, isUnnamed, sort: own, ...column }) => (
              <th
                key={name}
                scope="col"
                {...AS.columnheader}
                aria-sort={own && sort?.by === own.id ? (sort.isDown ? 'descending' : 'ascending') : undefined}
                className={classes(
                  'px-4 py-2.5 font-medium whitespace-nowrap',
                  isStacked && onSort && (own ? 'max-sm:p-0' : hidden),
                  look(column),
                )}
              >
                {own && onSort ? (
                  <SortHead
                    name={name}
                    id={own.id}
                    isNumber={column.isNumber === true}
                    sort={sort}
                    onSort={() => onSort(nextSort(sort, own.id, own.startsDown === true))}
                  />
                ) : (
                  <span className={isUnnamed ? 'sr-only' : undefined}>{name}</span>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...AS.rowgroup} className={classes('divide-y divide-line', part.body)}>
          {inOrder.map((row) => (
            <tr key={getKey(row)} {...AS.row} className={classes(part.row)}>
              {columns.map((column, index) => (
                <Cell key={column.name} column={column} row={row} isFirst={index === 0} isStacked={isStacked} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** The native roles, which a `display` style removes. */
const AS = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
}

/** The classes of a table that becomes blocks on phones. */
const STACKED = {
  row: 'max-sm:grid max-sm:grid-cols-[minmax(0,1fr)_auto] max-sm:items-center max-sm:gap-x-3 max-sm:gap-y-1.5 max-sm:px-4 max-sm:py-3',
  first: 'max-sm:p-0',
  actions: 'max-sm:col-start-2 max-sm:row-start-1 max-sm:p-0',
  named:
    'max-sm:col-span-2 max-sm:flex max-sm:items-center max-sm:justify-between max-sm:gap-4 max-sm:p-0 max-sm:text-right max-sm:text-sm max-sm:before:shrink-0 max-sm:before:text-muted max-sm:before:content-[attr(data-label)] max-sm:*:justify-items-end',
}

interface CellProps<T> {
  column: Column<T>
  row: T
  isFirst: boolean
  isStacked: boolean
}

function Cell<T>({ column, row, isFirst, isStacked }: CellProps<T>) {
  const content = column.cell(row)
  if (isFirst) {
    return (
      <th scope="row" {...AS.rowheader} className={classes('px-4 py-2.5 font-medium', isStacked && STACKED.first)}>
        {content}
      </th>
    )
  }
  const isShort = typeof content === 'string' && content.length <= SHORT
  return (
    <td
      {...AS.cell}
      data-label={column.name}
      className={classes(
        'px-4 py-2.5',
        (isShort || column.isNumber) && 'whitespace-nowrap',
        isStacked && !column.isExtra && (column.isUnnamed ? STACKED.actions : STACKED.named),
        look(column),
      )}
    >
      {content}
    </td>
  )
}

const look = ({ isNumber, isExtra }: { isNumber?: boolean | undefined; isExtra?: boolean | undefined }) =>
  classes(isNumber && 'text-right tabular-nums', isExtra && 'max-md:hidden')
