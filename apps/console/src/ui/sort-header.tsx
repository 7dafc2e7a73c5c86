import { ArrowDown, ArrowUp, ArrowUpDown } from 'lucide-react'
import { classes } from './class-names.ts'
import type { Sort } from './sorting.ts'

interface SortHeadProps {
  name: string
  id: string
  isNumber: boolean
  sort: Sort | undefined
  onSort: () => void
}

/** The header of a sortable column. */
export function SortHead({ name, id, isNumber, sort, onSort }: SortHeadProps) {
  const way = sort?.by === id ? (sort.isDown ? 'down' : 'up') : undefined
  const Icon = way === 'down' ? ArrowDown : way === 'up' ? ArrowUp : ArrowUpDown
  return (
    <button
      type="button"
      onClick={onSort}
      className={classes(
        '-mx-2 inline-flex items-center gap-1 rounded-field px-2 py-0.5 sm:whitespace-nowrap hover:text-ink',
        isNumber && 'sm:flex-row-reverse',
        way && 'text-ink',
      )}
    >
      {name}
      <Icon aria-hidden className={classes('size-3.5 shrink-0', !way && 'opacity-40')} />
    </button>
  )
}
