import type { Case } from './cases.ts'
import type { LoadResult } from './load/closed-loop.ts'
import type { LoadGenerator } from './load/generator.ts'
import { median } from './load/latencies.ts'
import type { Target } from './targets.ts'

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
  floor: Measured
  /** Median over the pairs: throughput of the platform divided by that of the floor. */
  ratio: number
}

/** Runs a case on both targets in short alternating rounds, so both see the same noise. */
export async function compare(
  { name, requests }: Case,
  connections: number,
  targets: { platform: Target; floor: Target },
  load: LoadGenerator,
  effort: Effort,
): Promise<Comparison> {
  const round = ({ instance, place }: Target, durationMs: number): Promise<LoadResult> =>
    load.run({ port: instance.port, connections, requests: requests(place('main')), durationMs, maxRequests })
  const results: { platform: LoadResult; floor: LoadResult }[] = []
  await round(targets.floor, effort.warmUpMs)
  await round(targets.platform, effort.warmUpMs)
  for (let pair = 0; pair < effort.pairs; pair++) {
    // Every other pair runs in reverse order, so a drift of the machine affects both targets equally.
    const first = pair % 2 === 0 ? 'platform' : 'floor'
    const one = await round(targets[first], effort.roundMs)
    const other = await round(targets[first === 'platform' ? 'floor' : 'platform'], effort.roundMs)
    results.push(first === 'platform' ? { platform: one, floor: other } : { platform: other, floor: one })
  }
  return {
    name,
    connections,
    platform: measured(results.map(({ platform }) => platform)),
    floor: measured(results.map(({ floor }) => floor)),
    ratio: median(results.map(({ platform, floor }) => platform.throughput / floor.throughput)),
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
