import { memo, type ReactNode } from 'react'
import type { Span } from './grid-window.ts'

/** A column of a grid, with its width in pixels and its header. */
export interface GridColumn {
  name: string
  widthPx: number
  head: ReactNode
  sort?: 'ascending' | 'descending'
}

interface GridHeadsProps {
  columns: readonly GridColumn[]
  shown: Span
  places: readonly { left: number; width: number }[]
  heightPx: number
  widthPx: number
}

/** The headers of the columns that are in view. */
export const GridHeads = memo(({ columns, shown, places, heightPx, widthPx }: GridHeadsProps) => (
  // biome-ignore lint/a11y/useSemanticElements: a table element can't omit the rows that are out of view
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <div
    role="row"
    aria-rowindex={1}
    className="sticky top-0 z-10 border-b border-line bg-sunken text-sm"
    style={{ height: heightPx, width: widthPx, minWidth: '100%' }}
  >
    {indexed(columns, shown).map(([index, { head, sort }]) => (
      // biome-ignore lint/a11y/useSemanticElements: as above
      // biome-ignore lint/a11y/useFocusableInteractive: as above
      <div
        key={index}
        role="columnheader"
        aria-colindex={index + 1}
        aria-sort={sort}
        className="absolute top-0 h-full overflow-hidden border-r border-line px-2 py-1.5"
        style={places[index]}
      >
        {head}
      </div>
    ))}
  </div>
))

const indexed = (columns: readonly GridColumn[], { from, to }: Span) =>
  columns.slice(from, to).map((column, at) => [from + at, column] as const)
