// Counters of this process. On one machine that is the whole service; on Cloudflare, one isolate of many.

const counters = new Map<string, number>()
const MAX_SERIES = 2_000
const BUCKETS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000]

/** Adds to a counter; `labels` is Prometheus text like `status="200"`, from a small fixed set of values. */
export function count(name: string, labels = '', by = 1): void {
  const series = labels ? `${name}{${labels}}` : name
  const value = counters.get(series)
  if (value === undefined && counters.size >= MAX_SERIES) return
  counters.set(series, (value ?? 0) + by)
}

/** Adds one observation to a latency histogram. */
export function observe(name: string, ms: number): void {
  for (const bucket of BUCKETS_MS) if (ms <= bucket) count(`${name}_bucket`, `le="${bucket / 1000}"`)
  count(`${name}_bucket`, 'le="+Inf"')
  count(`${name}_sum`, '', ms / 1000)
  count(`${name}_count`)
}

const HELP: Record<string, [type: string, help: string]> = {
  persql_requests_total: ['counter', 'Requests by operation and status'],
  persql_request_seconds: ['histogram', 'Time from a request to its response'],
  persql_rows_read_total: ['counter', 'Rows that statements read'],
  persql_rows_written_total: ['counter', 'Rows that statements wrote'],
  persql_leases: ['gauge', 'Databases that hold credit and may serve'],
  persql_errors_total: ['counter', 'Failures by code'],
}

/** Everything counted, as Prometheus reads it. */
export function exposition(): string {
  const lines: string[] = []
  for (const [name, [type, help]] of Object.entries(HELP)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [series, value] of counters) {
      if (series === name || series.startsWith(`${name}{`) || series.startsWith(`${name}_`))
        lines.push(`${series} ${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}
