import type { Insights } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { Endpoints } from '../../endpoints/store.ts'
import { transactionColumn } from '../../metering/query-log.ts'
import { percentile } from './percentile.ts'
import { type LoggedCall, summarizeTraffic } from './traffic.ts'

const SLOW_MS = 500
const MAX_RECENT = 500
const HOUR_MS = 3_600_000
/** Calls that ran or would have run a statement. IDs grow with time, so the newest come first without a sort. */
const STATEMENTS = `FROM _persql_query_log WHERE sql <> '' AND ts >= ?1`

/** The services that insights use. */
interface InsightsServices {
  readonly storage: DurableObjectStorage
  readonly endpoints: Endpoints
  readonly now: () => number
}

/** Returns the handlers of insights, which read the query log. */
export function operations({ storage, endpoints, now }: InsightsServices) {
  return {
    get_insights(call) {
      const { hours: windowHours, transactionId } = parseInput<'get_insights'>(call)
      const fromMs = now() - windowHours * HOUR_MS
      const all = storage.sql.exec<Timed>(
        `SELECT duration_ms AS durationMs, status >= 400 AS isFailed ${STATEMENTS} ORDER BY duration_ms`,
        fromMs,
      )
      const timed = all.toArray()
      const transaction = transactionColumn(storage)
      const recent = storage.sql.exec<Logged>(
        `SELECT id, ts, sql, duration_ms AS durationMs, rows_read AS rowsRead, rows_written AS rowsWritten, status, error,
           ${transaction} AS transactionId
         ${STATEMENTS} AND iif(?2 IS NULL, duration_ms > ${SLOW_MS} OR status >= 400, ${transaction} = ?2)
         ORDER BY id DESC LIMIT ${MAX_RECENT}`,
        fromMs,
        transactionId ?? null,
      )
      const data: Insights = { summary: summarize(timed, windowHours), recent: recent.toArray().map(toEntry) }
      return done(data, { rowsRead: all.rowsRead + recent.rowsRead })
    },

    get_endpoint_traffic(call) {
      const { slug, hours } = parseInput<'get_endpoint_traffic'>(call)
      endpoints.get(slug)
      const toMs = now()
      const fromMs = toMs - hours * HOUR_MS
      const ran = storage.sql.exec<LoggedCall>(
        `SELECT id, ts, duration_ms AS durationMs, rows_read AS rowsRead, rows_written AS rowsWritten,
           status >= 400 AS isFailed, error
         FROM _persql_query_log WHERE token_id = ? AND ts >= ? ORDER BY id`,
        `endpoint:${slug}`,
        fromMs,
      )
      const data = summarizeTraffic(ran.toArray(), fromMs, toMs)
      return done({ windowHours: hours, ...data }, { rowsRead: ran.rowsRead })
    },
  } satisfies Handlers
}

type Timed = { durationMs: number; isFailed: number }
type Logged = {
  id: number
  ts: number
  sql: string
  durationMs: number
  rowsRead: number
  rowsWritten: number
  status: number
  error: string | null
  transactionId: string | null
}

function summarize(timed: readonly Timed[], windowHours: number): Insights['summary'] {
  const durations = timed.map(({ durationMs }) => durationMs)
  return {
    windowHours,
    slowCount: durations.filter((ms) => ms > SLOW_MS).length,
    errorCount: timed.filter(({ isFailed }) => isFailed === 1).length,
    p50DurationMs: percentile(durations, 0.5),
    p95DurationMs: percentile(durations, 0.95),
    p99DurationMs: percentile(durations, 0.99),
    maxDurationMs: percentile(durations, 1),
  }
}

const toEntry = ({ id, ts, sql, durationMs, rowsRead, rowsWritten, status, error, transactionId }: Logged) => ({
  id,
  sqlText: sql,
  durationMs,
  rowsRead,
  rowsWritten,
  status: status >= 400 ? ('error' as const) : ('ok' as const),
  errorMessage: error,
  transactionId,
  createdAt: toIso(ts),
})
