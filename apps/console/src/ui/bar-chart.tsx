import { useState } from 'react'

/** A series of a stacked chart. Its position selects the color token: `chart-1`, `chart-2` and so on. */
export interface Series {
  id: string
  name: string
}

interface BarChartProps {
  /** The chart's content for screen readers. The figures are in the table next to it. */
  label: string
  series: readonly Series[]
  bars: readonly { name: string; values: readonly number[] }[]
  format: (value: number) => string
}

const HEIGHT = 160
const STEP = 20
const FILLS = ['fill-chart-1', 'fill-chart-2', 'fill-chart-3', 'fill-chart-4', 'fill-chart-5']
const DOTS = ['bg-chart-1', 'bg-chart-2', 'bg-chart-3', 'bg-chart-4', 'bg-chart-5']

/** A chart of stacked bars on one scale. The values under the pointer are shown above, so nothing covers the bars. */
export function BarChart({ label, series, bars, format }: BarChartProps) {
  const [at, setAt] = useState<number>()
  const totals = bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
  const most = Math.max(...totals, Number.MIN_VALUE)
  const active = at === undefined ? undefined : bars[at]
  return (
    <figure className="grid min-w-0 gap-3">
      <figcaption className="flex min-h-12 flex-wrap content-start gap-x-4 gap-y-1 text-sm sm:min-h-6">
        {series.map(({ id, name }, index) => (
          <span key={id} className="flex items-center gap-1.5">
            <span aria-hidden className={`size-2.5 rounded-sm ${DOTS[index]}`} />
            {name}
            {active && <span className="text-muted tabular-nums">{format(active.values[index] ?? 0)}</span>}
          </span>
        ))}
      </figcaption>
      <div className="relative" onPointerLeave={() => setAt(undefined)}>
        <svg
          role="img"
          aria-label={label}
          viewBox={`0 0 ${bars.length * STEP} ${HEIGHT}`}
          preserveAspectRatio="none"
          className="block h-40 w-full border-b border-line-strong"
        >
          {bars.map(({ name, values }, index) => (
            <g key={name} onPointerEnter={() => setAt(index)} className={at === index ? 'opacity-70' : ''}>
              <rect x={index * STEP} y={0} width={STEP} height={HEIGHT} className="fill-transparent" />
              {stacked(values, most).map(({ y, height, place }) => (
                <rect
                  key={place}
                  x={index * STEP + 2}
                  y={y}
                  width={STEP - 4}
                  height={height}
                  className={FILLS[place]}
                />
              ))}
            </g>
          ))}
        </svg>
      </div>
      <div className="flex justify-between text-sm text-muted tabular-nums">
        <span>{bars[0]?.name}</span>
        <span className="font-medium text-ink">
          {active ? `${active.name}: ${format(totals[at as number] ?? 0)}` : `Max: ${format(Math.max(...totals, 0))}`}
        </span>
        <span>{bars.at(-1)?.name}</span>
      </div>
    </figure>
  )
}

/** Returns the positions of a bar's segments, from the bottom up. */
function stacked(values: readonly number[], most: number) {
  let top = HEIGHT
  return values.flatMap((value, place) => {
    const height = (value / most) * (HEIGHT - 4)
    top -= height
    return height > 0 ? [{ y: top, height, place }] : []
  })
}
