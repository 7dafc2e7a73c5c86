import type { ReactNode } from 'react'
import { classes } from './classes.ts'
import { SortHead } from './sort-head.tsx'
import { nextSort, type Sort, type SortValue, sorted } from './sorting.ts'

/** A column: what stands above it and what it shows of a row. */
export interface Column<T> {
  name: string
  cell: (row: T) => ReactNode
  /** Numbers stand to the right. */
  isNumber?: boolean
  /** Left out where there is no room. */
  isExtra?: boolean
  /** Its name is for those only who do not see the table. */
  isUnnamed?: boolean
  /** The column's word in `sort`, and what rows are sorted by. */
  sort?: { id: string; value: (row: T) => SortValue; startsDown?: boolean }
}

interface TableProps<T> {
  /** What the table shows, for those who do not see it. */
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf: (row: T) => string | number
  /** Which column it is sorted by, for columns that say how. */
  sort?: Sort | undefined
  onSort?: (sort: Sort) => void
}

/** Rows of one kind. The first column names the row. */
export function Table<T>({ label, columns, rows, keyOf, sort, onSort }: TableProps<T>) {
  const by = columns.find((column) => column.sort && column.sort.id === sort?.by)?.sort
  const inOrder = by && sort ? sorted(rows, by.value, sort.isDown) : rows
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section className="overflow-x-auto rounded-card border border-line bg-surface" aria-label={label} tabIndex={0}>
      <table className="w-full text-left">
        <thead className="border-b border-line text-sm text-muted">
          <tr>
            {columns.map(({ name, isUnnamed, sort: own, ...column }) => (
              <th
                key={name}
                scope="col"
                aria-sort={own && sort?.by === own.id ? (sort.isDown ? 'descending' : 'ascending') : undefined}
                className={classes('px-3 py-2.5 sm:px-4 font-medium', look(column))}
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
        <tbody className="divide-y divide-line">
          {inOrder.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell, ...column }, index) =>
                index === 0 ? (
                  <th key={name} scope="row" className="px-3 py-2.5 sm:px-4 font-medium">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} className={classes('px-3 py-2.5 sm:px-4', look(column))}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const look = ({ isNumber, isExtra }: { isNumber?: boolean | undefined; isExtra?: boolean | undefined }) =>
  classes(isNumber && 'text-right whitespace-nowrap tabular-nums', isExtra && 'hidden md:table-cell')
