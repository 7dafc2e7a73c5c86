import { table } from '../tables.ts'
import type { Soak, Window } from './soak.ts'
import { afterWarmUp, findTrend, type Limit, type Trend } from './trend.ts'

interface Measure {
  readonly name: string
  readonly value: (window: Window) => number
  readonly digits: number
  readonly limit: Limit
}

/** In this share of a soak, caches and the allocator fill, and the query logs reach their maximum size. */
const warmUpShare = 1 / 4
/** A short soak warms up for at least this time. */
const minWarmUpMs = 120_000

const memory: Limit = { share: 0.05, least: 8 }
/** Counts vary with the objects that are open at that moment. */
const counts: Limit = { share: 0.1, least: 16 }

const measures: readonly Measure[] = [
  { name: 'platform, MiB', value: ({ platform }) => platform.residentMiB, digits: 1, limit: memory },
  { name: 'platform, descriptors', value: ({ platform }) => platform.descriptors, digits: 0, limit: counts },
  { name: 'readers, MiB', value: ({ readers }) => readers.residentMiB, digits: 1, limit: memory },
  { name: 'readers, descriptors', value: ({ readers }) => readers.descriptors, digits: 0, limit: counts },
  { name: 'files', value: ({ files }) => files, digits: 0, limit: counts },
  // Other programs use the machine too, so latency has a wide limit.
  { name: 'point read p99, ms', value: ({ p99 }) => p99, digits: 1, limit: { share: 0.5, least: 2 } },
  { name: 'failed calls in 15 s', value: ({ failures }) => failures, digits: 0, limit: { share: 0, least: 0 } },
]

/** The outcome of a soak. */
export interface SoakReport {
  /** The tables in Markdown. */
  readonly text: string
  /** Whether every measure is flat and no call failed. */
  readonly passed: boolean
}

/** Compares the first with the last fifth of a soak, without its warm-up. */
export function reportSoak({ minutes, windows, failures }: Soak): SoakReport {
  const warmUpMs = Math.max(minWarmUpMs, minutes * 60_000 * warmUpShare)
  const measured = afterWarmUp(windows, warmUpMs)
  if (measured.length === 0) throw new Error('The soak was too short to measure anything after its warm-up.')
  const trends = measures.map((measure) => ({
    measure,
    trend: findTrend(
      measured.map((window) => ({ atMs: window.atMs, value: measure.value(window) })),
      measure.limit,
    ),
  }))
  const calls = windows.reduce((sum, window) => sum + window.calls, 0)
  const failed = [...failures].map(([failure, count]) => `${failure}: ${count}`).join(', ')
  const passed = failures.size === 0 && trends.every(({ trend }) => trend.isFlat)
  return {
    passed,
    text: [
      table(
        [`${minutes} min`, 'first fifth', 'last fifth', 'change', 'slope/hour', 'highest', 'verdict'],
        trends.map(({ measure, trend }) => [measure.name, ...figures(trend, measure.digits)]),
      ),
      `${calls.toLocaleString('en')} calls. Failed calls: ${failed || 'none'}. Warm-up: ${(warmUpMs / 60_000).toFixed(1)} min.`,
      passed ? 'Passed: everything is flat, and no call failed.' : 'Failed.',
    ].join('\n\n'),
  }
}

function figures({ first, last, perHour, highest, isFlat }: Trend, digits: number): string[] {
  const [change, slope] = [last - first, perHour].map((value) => (value > 0 ? '+' : '') + value.toFixed(digits))
  return [
    first.toFixed(digits),
    last.toFixed(digits),
    `${change}`,
    `${slope}`,
    highest.toFixed(digits),
    isFlat ? 'flat' : 'grows',
  ]
}
