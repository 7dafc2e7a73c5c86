/** Latencies in milliseconds. */
export interface Latencies {
  p50: number
  p99: number
  max: number
}

/** Returns percentiles of the first `count` samples, and sorts them in place. */
export function summary(samples: Float64Array, count: number): Latencies {
  const sorted = samples.subarray(0, count).sort()
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) }
}

/** Returns a percentile by nearest rank; 0 without samples. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5)
}
