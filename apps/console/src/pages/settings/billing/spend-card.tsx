import type { Spend } from '@persql/contract'
import { BarChart } from '../../../ui/bar-chart.tsx'
import { formatBytes, formatCompact, formatUsd } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { Skeleton } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { type DaySpend, METERS, type Meter } from './spend.ts'

interface SpendCardProps {
  /** The last 30 days, oldest first. */
  days: readonly DaySpend[] | undefined
  /** The spend since the namespace was created, by meter. */
  spend: Spend | undefined
}

const HOURS_PER_MONTH = 720
const SERIES = METERS.map(([id, name]) => ({ id, name }))

/** The spend: by day as a chart and a table, and by meter. */
export const SpendCard = ({ days, spend }: SpendCardProps) => (
  <Card title="Spend">
    <h3 className="font-medium">Last 30 days, by day</h3>
    {days ? <Chart days={days} /> : <Skeleton className="h-72 w-full sm:h-66" />}
    <h3 className="font-medium">All time, by meter</h3>
    {spend ? (
      <Table
        label="Spend by meter"
        rows={METERS}
        getKey={([meter]) => meter}
        columns={[
          { name: 'Meter', cell: ([, name]) => name },
          { name: 'Usage', isNumber: true, cell: ([meter]) => formatAmount(meter, spend) },
          { name: 'Cost', isNumber: true, cell: ([meter]) => formatUsd(spend[meter].costUsd) },
        ]}
      />
    ) : (
      <Skeleton className="h-64 w-full" />
    )}
  </Card>
)

function Chart({ days }: { days: readonly DaySpend[] }) {
  const used = days.filter(({ costUsd }) => costUsd > 0)
  return (
    <>
      <BarChart
        label="Daily spend in US dollars over the last 30 days, by meter"
        series={SERIES}
        bars={days.map(({ day, costs }) => ({ name: day, values: METERS.map(([meter]) => costs[meter]) }))}
        format={formatUsd}
      />
      <details>
        <summary className="cursor-pointer text-sm text-muted">View as table</summary>
        <div className="mt-2">
          {used.length === 0 ? (
            <p className="text-sm text-muted">No usage in the last 30 days.</p>
          ) : (
            <Table
              label="Spend by day"
              rows={used.toReversed()}
              getKey={({ day }) => day}
              columns={[
                { name: 'Day (UTC)', cell: ({ day }) => <span className="whitespace-nowrap">{day}</span> },
                ...METERS.map(([meter, name]) => ({
                  name,
                  isNumber: true,
                  isExtra: true,
                  cell: ({ costs }: DaySpend) => formatUsd(costs[meter]),
                })),
                { name: 'Total', isNumber: true, cell: ({ costUsd }) => formatUsd(costUsd) },
              ]}
            />
          )}
        </div>
      </details>
    </>
  )
}

function formatAmount(meter: Meter, spend: Spend): string {
  const { quantity } = spend[meter]
  return meter === 'storageByteHours' ? `${formatBytes(quantity / HOURS_PER_MONTH)}-months` : formatCompact(quantity)
}
