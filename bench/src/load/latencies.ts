/** Milliseconds. */
export interface Latencies {
  p50: number
  p99: number
  max: number
}

/** Percentiles of the first `count` samples, which it sorts in place. */
export function summary(samples: Float64Array, count: number): Latencies {
  const sorted = samples.subarray(0, count).sort()
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) }
}

/** The smallest sample that at least `share` of all are no greater than; 0 of none. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5)
}
