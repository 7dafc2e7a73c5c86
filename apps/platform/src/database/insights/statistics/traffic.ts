import type { EndpointTraffic } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { costNano, usd } from '../../../money.ts'
import { percentile } from './percentile.ts'

/** A row of the query log. */
export type LoggedCall = {
  id: number
  ts: number
  durationMs: number
  rowsRead: number
  rowsWritten: number
  isFailed: number
  error: string | null
}

const PARTS = 24
const MOST_FAILURES = 20

/** Returns the traffic of an endpoint in a window; the log rows are in order of time. */
export function summarizeTraffic(
  ran: readonly LoggedCall[],
  fromMs: number,
  toMs: number,
): Omit<EndpointTraffic, 'windowHours'> {
  const sum = (of: 'rowsRead' | 'rowsWritten') => ran.reduce((total, line) => total + line[of], 0)
  const used = { requests: ran.length, rowsRead: sum('rowsRead'), rowsWritten: sum('rowsWritten'), aiTokens: 0 }
  const durations = ran.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
  const failed = ran.filter(({ isFailed }) => isFailed === 1)
  const size = (toMs - fromMs) / PARTS
  const parts = Array.from({ length: PARTS }, (_, at) => ({
    from: toIso(fromMs + at * size),
    calls: 0,
    failed: 0,
  }))
  for (const { ts, isFailed } of ran) {
    const part = parts[Math.min(PARTS - 1, Math.max(0, Math.floor((ts - fromMs) / size)))]
    if (!part) continue
    part.calls++
    part.failed += isFailed
  }
  return {
    calls: ran.length,
    failed: failed.length,
    rowsRead: used.rowsRead,
    rowsWritten: used.rowsWritten,
    costUsd: usd(costNano(used)),
    p50DurationMs: percentile(durations, 0.5),
    p95DurationMs: percentile(durations, 0.95),
    p99DurationMs: percentile(durations, 0.99),
    parts,
    failures: failed
      .slice(-MOST_FAILURES)
      .reverse()
      .map(({ id, ts, error }) => ({ id, at: toIso(ts), message: error ?? '' })),
  }
}
