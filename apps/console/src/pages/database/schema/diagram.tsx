import type { SchemaDescription } from '@persql/contract'
import { Maximize, ZoomIn, ZoomOut } from 'lucide-react'
import { useMemo } from 'react'
import { Button } from '../../../ui/button.tsx'
import { type Box, layOut } from './layout.ts'
import { useView } from './use-view.ts'

const MARGIN = 16

interface DiagramProps {
  tables: SchemaDescription['tables']
  onChoose: (table: string) => void
}

/** A diagram of the tables, with a line for each foreign key. `TableList` shows the same as text. */
export function Diagram({ tables, onChoose }: DiagramProps) {
  const { boxes, lines, width, height } = useMemo(() => layOut(tables), [tables])
  const { view, frame, fit, zoomIn, zoomOut, handlers } = useView()
  return (
    <div className="relative">
      <section
        ref={frame}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that pans must be reachable with the keyboard
        tabIndex={0}
        aria-label="Schema diagram. Use the arrow keys to pan, plus and minus to zoom, and 0 to fit."
        className="h-[26rem] cursor-grab touch-none overflow-hidden rounded-card border border-line bg-sunken active:cursor-grabbing"
        {...handlers}
      >
        <div className="size-full" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
          {/* biome-ignore lint/a11y/useSemanticElements: an SVG can't be a fieldset */}
          <svg
            viewBox={`${-MARGIN} ${-MARGIN} ${width + MARGIN * 2} ${height + MARGIN * 2}`}
            className="size-full select-none"
            aria-label="Tables"
            role="group"
          >
            {lines.map(({ id, path }) => (
              <path key={id} d={path} fill="none" strokeWidth="1.5" className="stroke-accent" />
            ))}
            {boxes.map((box) => (
              <TableBox key={box.table.table} box={box} onChoose={onChoose} />
            ))}
          </svg>
        </div>
      </section>
      <div className="absolute right-2 bottom-2 flex gap-1">
        <Button size="icon" aria-label="Zoom in" onClick={zoomIn}>
          <ZoomIn aria-hidden className="size-4" />
        </Button>
        <Button size="icon" aria-label="Zoom out" onClick={zoomOut}>
          <ZoomOut aria-hidden className="size-4" />
        </Button>
        <Button size="icon" aria-label="Fit to view" onClick={fit}>
          <Maximize aria-hidden className="size-4" />
        </Button>
      </div>
    </div>
  )
}

function TableBox({ box, onChoose }: { box: Box; onChoose: (table: string) => void }) {
  const { table, columns, omitted, x, y, width, height } = box
  const references = new Set(table.foreignKeys.flatMap((key) => key.columns))
  return (
    <g transform={`translate(${x} ${y})`}>
      <a
        href={`#table-${table.table}`}
        draggable={false}
        onClick={(event) => {
          event.preventDefault()
          onChoose(table.table)
        }}
      >
        <rect width={width} height={height} rx="8" className="fill-surface stroke-line-strong" />
        <text x="12" y="21" className="fill-ink font-sans text-sm font-semibold">
          {cut(table.table, 22)}
        </text>
      </a>
      <g aria-hidden className="pointer-events-none">
        <line x1="0" x2={width} y1="32" y2="32" className="stroke-line" />
        {columns.map(({ name, type, primaryKey }, index) => (
          <g key={name} transform={`translate(0 ${32 + index * 22 + 17})`}>
            <text x="12" className="fill-ink font-mono text-xs">
              {`${primaryKey > 0 ? '● ' : references.has(name) ? '→ ' : ''}${cut(name, 18)}`}
            </text>
            <text x={width - 12} textAnchor="end" className="fill-muted font-mono text-xs">
              {cut(type.toLowerCase(), 9)}
            </text>
          </g>
        ))}
        {omitted > 0 && (
          <text x="12" y={32 + columns.length * 22 + 17} className="fill-muted text-xs">
            … {omitted} more
          </text>
        )}
      </g>
    </g>
  )
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)
