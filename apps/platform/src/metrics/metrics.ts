import type { MetricName } from './definitions.ts'

// Counters of this process: on one machine, of a cell with all its objects; on Cloudflare, of one isolate of many.

/** Limits of the numbers of series and operations. All of them are from small sets, so nothing is lost. */
const MAX_SERIES = 2_000
const MAX_OPERATIONS = 500

/** The upper bounds of the histograms' buckets, in milliseconds. */
export const BUCKETS_MS: readonly number[] = [0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 30_000]

/** The values of a metric by labels. */
export type Series = Map<string, number>

/** The requests of one operation. */
export interface OperationCounts {
  readonly byStatus: Map<number, number>
  /** Requests by bucket. The last one has no upper bound. */
  readonly buckets: number[]
  sumMs: number
}

const values = new Map<MetricName, Series>()
const operations = new Map<string, OperationCounts>()
let seriesCount = 0

/** Adds to a counter, or to a gauge. `labels` is Prometheus text such as `code="conflict"`, from a small set of values. */
export function count(name: MetricName, labels = '', by = 1): void {
  const series = getSeries(name)
  const value = series.get(labels)
  if (value === undefined) {
    if (seriesCount >= MAX_SERIES) return
    seriesCount++
  }
  series.set(labels, (value ?? 0) + by)
}

/** Sets a gauge. */
export function gauge(name: MetricName, value: number): void {
  getSeries(name).set('', value)
}

/** Counts a request and its time. */
export function countRequest(operation: string, status: number, ms: number): void {
  const counts = operationCounts(operation)
  const { byStatus, buckets } = counts
  byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
  const at = BUCKETS_MS.findIndex((bound) => ms <= bound)
  const index = at < 0 ? BUCKETS_MS.length : at
  buckets[index] = (buckets[index] ?? 0) + 1
  counts.sumMs += ms
}

/** Returns the values of a metric that `count` and `gauge` set. */
export const readSeries = (name: MetricName): ReadonlyMap<string, number> => getSeries(name)

/** Returns the requests by operation. */
export const readOperations = (): ReadonlyMap<string, OperationCounts> => operations

function getSeries(name: MetricName): Series {
  const known = values.get(name)
  if (known !== undefined) return known
  const created: Series = new Map()
  values.set(name, created)
  return created
}

function operationCounts(operation: string): OperationCounts {
  const known = operations.get(operation)
  if (known !== undefined) return known
  if (operations.size >= MAX_OPERATIONS && operation !== 'none') return operationCounts('none')
  const created = { byStatus: new Map(), buckets: new Array<number>(BUCKETS_MS.length + 1).fill(0), sumMs: 0 }
  operations.set(operation, created)
  return created
}
