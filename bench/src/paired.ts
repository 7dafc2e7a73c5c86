import type { Case } from './cases.ts'
import type { LoadResult } from './load/closed-loop.ts'
import type { LoadGenerator } from './load/generator.ts'
import { median } from './load/latencies.ts'
import type { Target, Targets } from './targets.ts'

const maxRequests = 1_000_000

export interface Effort {
  pairs: number
  roundMs: number
  warmUpMs: number
}

/** Medians of the rounds; `max` is the slowest response of all rounds. */
export interface Measured {
  throughput: number
  p50: number
  p99: number
  max: number
}

export interface Comparison {
  name: string
  connections: number
  platform: Measured
  baseline: Measured & { name: string }
  /** Median over the pairs: throughput of the platform divided by that of the baseline. */
  ratio: number
  /** Standard error of the mean of the pairs' ratios. */
  error: number
}

/** Runs a case on both targets in short alternating rounds, so both see the same noise. */
export async function compare(
  { name, requests }: Case,
  connections: number,
  targets: Targets,
  load: LoadGenerator,
  effort: Effort,
): Promise<Comparison> {
  const round = ({ instance, place }: Target, durationMs: number): Promise<LoadResult> =>
    load.run({ port: instance.port, connections, requests: requests(place('main')), durationMs, maxRequests })
  const results: Record<keyof Targets, LoadResult>[] = []
  await round(targets.baseline, effort.warmUpMs)
  await round(targets.platform, effort.warmUpMs)
  for (let pair = 0; pair < effort.pairs; pair++) {
    // Every other pair runs in reverse order, so a drift of the machine affects both targets equally.
    const first = pair % 2 === 0 ? 'platform' : 'baseline'
    const one = await round(targets[first], effort.roundMs)
    const other = await round(targets[first === 'platform' ? 'baseline' : 'platform'], effort.roundMs)
    results.push(first === 'platform' ? { platform: one, baseline: other } : { platform: other, baseline: one })
  }
  const ratios = results.map(({ platform, baseline }) => platform.throughput / baseline.throughput)
  return {
    name,
    connections,
    platform: measured(results.map(({ platform }) => platform)),
    baseline: { name: targets.baseline.name, ...measured(results.map(({ baseline }) => baseline)) },
    ratio: median(ratios),
    error: standardError(ratios),
  }
}

function measured(rounds: LoadResult[]): Measured {
  return {
    throughput: median(rounds.map(({ throughput }) => throughput)),
    p50: median(rounds.map(({ p50 }) => p50)),
    p99: median(rounds.map(({ p99 }) => p99)),
    max: Math.max(...rounds.map(({ max }) => max)),
  }
}

/** Returns how far the mean of the samples is expected to be from the true mean. */
function standardError(samples: readonly number[]): number {
  const mean = samples.reduce((sum, each) => sum + each, 0) / samples.length
  const squares = samples.reduce((sum, each) => sum + (each - mean) ** 2, 0)
  return Math.sqrt(squares / (samples.length - 1) / samples.length)
}
