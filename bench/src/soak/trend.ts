import { median } from '../load/latencies.ts'

/** A measure that must stay the same while the load stays the same. */
export interface Limit {
  /** The growth from the first to the last fifth that is still flat, as a share of the first. */
  readonly share: number
  /** The growth that is always flat, in the unit of the measure. */
  readonly least: number
}

/** A value with the time of its measurement. */
export interface Sample {
  readonly atMs: number
  readonly value: number
}

/** The development of a measure. */
export interface Trend {
  /** The median of the first fifth of the samples. */
  readonly first: number
  /** The median of the last fifth of the samples. */
  readonly last: number
  readonly highest: number
  /** The median slope between two samples, by the method of Theil and Sen, which a few outliers don't change. */
  readonly perHour: number
  /** Whether the last fifth is at most as much above the first as the limit allows. */
  readonly isFlat: boolean
}

const hourMs = 3_600_000

/** Returns the samples after the warm-up, in which caches fill. */
export const afterWarmUp = <T extends { readonly atMs: number }>(samples: readonly T[], warmUpMs: number): T[] =>
  samples.filter(({ atMs }) => atMs > warmUpMs)

/** Returns the first and the last fifth of the samples: at least one each. */
export function fifths<T>(samples: readonly T[]): [first: T[], last: T[]] {
  const size = Math.max(1, Math.floor(samples.length / 5))
  return [samples.slice(0, size), samples.slice(-size)]
}

/** Returns the development of a measure from samples in the order of their time. */
export function findTrend(samples: readonly Sample[], { share, least }: Limit): Trend {
  const [first, last] = fifths(samples).map((part) => median(part.map(({ value }) => value))) as [number, number]
  return {
    first,
    last,
    highest: Math.max(...samples.map(({ value }) => value)),
    perHour: median(slopes(samples)) * hourMs,
    isFlat: last - first <= Math.max(first * share, least),
  }
}

function slopes(samples: readonly Sample[]): number[] {
  return samples.flatMap((from, index) =>
    samples
      .slice(index + 1)
      .filter(({ atMs }) => atMs > from.atMs)
      .map((to) => (to.value - from.value) / (to.atMs - from.atMs)),
  )
}
