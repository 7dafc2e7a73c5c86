import type { Api, Database, Output } from '@persql/contract'
import { formatAgo, formatBytes, formatCompact, formatNumber } from '../../ui/format.ts'

type Usage = Output<Api['get_usage']>

/** Returns the requests of each database in the period of `usage`. */
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

/** The stored bytes of a database. */
export const SizeCell = ({ storedBytes }: Database) =>
  storedBytes === null ? unknown('Not measured yet') : formatBytes(storedBytes)

/** The row count of a database: exact, or rounded if it is an estimate or space is short. */
export function Rows({ rows, rowsAreEstimated, isShort = false }: Database & { isShort?: boolean }) {
  if (rows === null) return unknown('Not counted yet')
  const text = isShort || rowsAreEstimated ? formatCompact(rows) : formatNumber(rows)
  return rowsAreEstimated ? `About ${text}` : text
}

/** The time of the last use of a database. */
export const LastUse = ({ lastUsedAt }: Database) =>
  lastUsedAt === null ? <span className="text-muted">Never</span> : formatAgo(lastUsedAt)
