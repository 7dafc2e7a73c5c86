import type { Database } from '@persql/contract'
import type { ReactNode } from 'react'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatAgo, formatNumber } from '../../ui/format.ts'
import { Skeleton } from '../../ui/skeleton.tsx'
import { LastUse, Rows, requestsByDatabase, Size } from '../databases/figures.tsx'
import { useUsage } from '../databases/use-usage.ts'

interface FiguresProps {
  ns: string
  slug: string
  database: Database | undefined
}

/** How large a database is and how much it is used: what the list of databases says, with when it was measured. */
export function Figures({ ns, slug, database }: FiguresProps) {
  const usage = useUsage(ns)
  const requests = usage.data && (requestsByDatabase(usage.data).get(slug) ?? 0)
  return (
    <section aria-label="Figures" className="grid gap-2">
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        <Figure name="Size">{database && <Size {...database} />}</Figure>
        <Figure name="Rows">{database && <Rows {...database} />}</Figure>
        <Figure name="30-day requests">{requests !== undefined && formatNumber(requests)}</Figure>
        <Figure name="Last used">{database && <LastUse {...database} />}</Figure>
      </dl>
      <p className="min-h-5 text-sm text-muted">
        {database?.measuredAt &&
          `Measured ${formatAgo(database.measuredAt)}, and anew some seconds after something is written.`}
        {database?.rowsAreEstimated && ' Rows are estimated, as of any large database.'}
      </p>
      {usage.error && <ErrorPanel error={usage.error} onRetry={usage.refetch} />}
    </section>
  )
}

const Figure = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="grid content-start gap-1 rounded-card border border-line bg-surface p-4">
    <dt className="text-sm text-muted">{name}</dt>
    <dd className="text-lg font-semibold tabular-nums">{children || <Skeleton className="h-7 w-20" />}</dd>
  </div>
)
