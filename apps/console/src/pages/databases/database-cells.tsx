import type { Api, Database, Output } from '@persql/contract'
import { formatAgo, formatBytes, formatCompact, formatNumber } from '../../ui/format.ts'

type Usage = Output<Api['get_usage']>

/** Requests of each database in the days that were asked for, which are the last 30. */
export function requestsByDatabase({ days }: Usage): Map<string, number> {
  const requests = new Map<string, number>()
  for (const day of days) requests.set(day.database, (requests.get(day.database) ?? 0) + day.requests)
  return requests
}

const unknown = (what: string) => (
  <>
    <span aria-hidden>–</span>
    <span className="sr-only">{what}</span>
  </>
)

/** How much a database stores. */
export const SizeCell = ({ storedBytes }: Database) =>
  storedBytes === null ? unknown('Not measured yet') : formatBytes(storedBytes)

/** How many rows a database has: to the row, unless that is not known or there is no room. */
export function Rows({ rows, rowsAreEstimated, isShort = false }: Database & { isShort?: boolean }) {
  if (rows === null) return unknown('Not counted yet')
  const text = isShort || rowsAreEstimated ? formatCompact(rows) : formatNumber(rows)
  return rowsAreEstimated ? `About ${text}` : text
}

/** When a database was used last. */
export const LastUse = ({ lastUsedAt }: Database) =>
  lastUsedAt === null ? <span className="text-muted">Never</span> : formatAgo(lastUsedAt)
