import type { QueryMeta } from '@persql/sdk'
import { formatCount, formatMs, formatUsd } from '../../ui/format.ts'

/** The cost of a run, with the rows and time behind it. */
export const Cost = ({ meta }: { meta: QueryMeta }) => (
  <span className="flex flex-wrap gap-x-4 text-sm text-muted tabular-nums">
    <span>{formatUsdExact(meta.costUsd)}</span>
    <span>{formatCount(meta.rowsRead, 'row')} read</span>
    <span>{formatCount(meta.rowsWritten, 'row')} written</span>
    <span>{formatMs(meta.durationMs)}</span>
  </span>
)

/** Formats dollars with 9 decimal places below $0.000001. */
const formatUsdExact = (value: number) => (value !== 0 && value < 0.000001 ? `$${value.toFixed(9)}` : formatUsd(value))
