// Counters of this process: on one machine, of the whole service; on Cloudflare, of one isolate of many.

const counters = new Map<string, number>()
const MAX_SERIES = 2_000
const BUCKETS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000]

/** Adds to a counter. `labels` is Prometheus text such as `status="200"`, from a small fixed set of values. */
export function count(name: string, labels = '', by = 1): void {
  const series = labels ? `${name}{${labels}}` : name
  const value = counters.get(series)
  if (value === undefined && counters.size >= MAX_SERIES) return
  counters.set(series, (value ?? 0) + by)
}

/** Sets a gauge. */
export function gauge(name: string, value: number): void {
  counters.set(name, value)
}

/** Latencies in seconds by bucket. `exposition` makes them cumulative. */
const latency = { buckets: new Array<number>(BUCKETS_MS.length + 1).fill(0), sum: 0 }

/** Adds one request to the latency histogram. */
export function observe(ms: number): void {
  const at = BUCKETS_MS.findIndex((bucket) => ms <= bucket)
  const index = at < 0 ? BUCKETS_MS.length : at
  latency.buckets[index] = (latency.buckets[index] ?? 0) + 1
  latency.sum += ms / 1000
}

const HELP: Record<string, [type: string, help: string]> = {
  persql_requests_total: ['counter', 'Requests by operation and status'],
  persql_request_seconds: ['histogram', 'Request duration in seconds'],
  persql_rows_read_total: ['counter', 'Rows read by statements'],
  persql_rows_written_total: ['counter', 'Rows written by statements'],
  persql_reader_reads_total: ['counter', 'Reads that ran in a reader process'],
  persql_reads_running: ['gauge', 'Reads that run in a reader process now'],
  persql_leases: ['gauge', 'Databases that hold a lease'],
  persql_errors_total: ['counter', 'Errors by code'],
  persql_damaged_databases: ['gauge', 'Databases whose file is damaged, missing or outdated'],
  persql_disk_free_bytes: ['gauge', 'Free bytes on the volume of the data folder'],
  persql_disk_reserve_bytes: ['gauge', 'Free bytes below which calls that store data are refused'],
  persql_storage_refusals_total: ['counter', 'Calls and background tasks refused because the disk is full'],
}

/** Returns all metrics in the Prometheus text format. */
export function exposition(): string {
  const lines: string[] = []
  for (const [name, [type, help]] of Object.entries(HELP)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    if (type === 'histogram') lines.push(...histogram(name))
    for (const [series, value] of counters) {
      if (series === name || series.startsWith(`${name}{`)) lines.push(`${series} ${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function histogram(name: string): string[] {
  let total = 0
  const buckets = latency.buckets.map((number, i) => {
    total += number
    const bound = BUCKETS_MS[i]
    return `${name}_bucket{le="${bound === undefined ? '+Inf' : bound / 1000}"} ${total}`
  })
  return [...buckets, `${name}_sum ${latency.sum}`, `${name}_count ${total}`]
}
