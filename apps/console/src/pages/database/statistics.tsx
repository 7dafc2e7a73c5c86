import type { Database } from '@persql/contract'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatAgo, formatNumber } from '../../ui/format.ts'
import { Tile, Tiles } from '../../ui/stat-tiles.tsx'
import { LastUse, Rows, requestsByDatabase, SizeCell } from '../databases/database-cells.tsx'
import { useUsage } from '../databases/use-usage.ts'

interface FiguresProps {
  ns: string
  slug: string
  database: Database | undefined
}

/** The size and usage of a database, as in the list of databases, and the time of the measurement. */
export function DatabaseStatistics({ ns, slug, database }: FiguresProps) {
  const usage = useUsage(ns)
  const requests = usage.data && (requestsByDatabase(usage.data).get(slug) ?? 0)
  return (
    <section aria-label="Database statistics" className="grid gap-2">
      <Tiles className="sm:grid-cols-4">
        <Tile name="Size">{database && <SizeCell {...database} />}</Tile>
        <Tile name="Rows">{database && <Rows {...database} />}</Tile>
        <Tile name="Requests (30 days)">{requests !== undefined && formatNumber(requests)}</Tile>
        <Tile name="Last used">{database && <LastUse {...database} />}</Tile>
      </Tiles>
      <p className="min-h-5 text-sm text-muted">
        {database?.measuredAt && `Updated ${formatAgo(database.measuredAt)}. Refreshes a few seconds after writes.`}
        {database?.rowsAreEstimated && ' Row counts are estimates for large databases.'}
      </p>
      {database?.schemaHash && (
        <p className="text-sm text-muted">
          Schema <code title={database.schemaHash}>{database.schemaHash.slice(0, 8)}</code>
          {database.migration && ` · Last migration “${database.migration.name}” (${database.migration.count} applied)`}
        </p>
      )}
      {usage.error && <ErrorPanel error={usage.error} onRetry={usage.refetch} />}
    </section>
  )
}
