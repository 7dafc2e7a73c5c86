import type { CellsComparison } from './cells.ts'
import type { ManyDatabases } from './many-databases.ts'
import type { Neighbor } from './neighbors.ts'
import type { Comparison, Measured } from './paired.ts'

/** Formats the Markdown table of throughput and latency. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return table(
    ['case', 'connections', '', 'requests/s', 'p50 ms', 'p99 ms', 'max ms', 'ratio', '±'],
    comparisons.flatMap(({ name, connections, platform, baseline, ratio, error }) => [
      [name, String(connections), 'platform', ...figures(platform), ratio.toFixed(3), error.toFixed(3)],
      ['', '', baseline.name, ...figures(baseline), '', ''],
    ]),
  )
}

/** Formats the Markdown table of memory and cold starts. */
export function manyDatabasesTable(measurements: readonly ManyDatabases[]): string {
  return table(
    ['open databases', '', 'resident MiB', 'cold p50 ms', 'cold p99 ms', 'warm p50 ms', 'cold / warm'],
    measurements.map(({ databases, name, residentMiB, cold, warm }) => [
      databases.toLocaleString('en'),
      name,
      residentMiB.toFixed(0),
      cold.p50.toFixed(2),
      cold.p99.toFixed(2),
      warm.p50.toFixed(2),
      (cold.p50 / warm.p50).toFixed(1),
    ]),
  )
}

/** Formats the Markdown table of a tenant's latencies beside the load of another tenant. */
export function neighborsTable(measurements: readonly Neighbor[]): string {
  return table(
    ['load of another tenant', 'p50 ms alone', 'p50 ms', 'p99 ms alone', 'p99 ms', 'ratio', 'max ms', 'peak MiB'],
    measurements.map(({ load, alone, beside, peakMiB }) => [
      load,
      ...[alone.p50, beside.p50, alone.p99, beside.p99].map((ms) => ms.toFixed(2)),
      (beside.p99 / alone.p99).toFixed(2),
      beside.max.toFixed(1),
      peakMiB.toFixed(0),
    ]),
  )
}

/** Formats the Markdown table of two cells against one. */
export function cellsTable(comparisons: readonly CellsComparison[]): string {
  return table(
    ['case', 'one cell, requests/s', 'two, asked directly', 'ratio', 'two, through the first', 'ratio'],
    comparisons.map(({ name, one, direct, forwarded }) => [
      name,
      Math.round(one).toLocaleString('en'),
      ...[direct, forwarded].flatMap((value) => [Math.round(value).toLocaleString('en'), (value / one).toFixed(2)]),
    ]),
  )
}

function figures({ throughput, p50, p99, max }: Measured): string[] {
  return [Math.round(throughput).toLocaleString('en'), p50.toFixed(2), p99.toFixed(2), max.toFixed(1)]
}

/** Formats a Markdown table with the first column left-aligned. */
export function table(heads: readonly string[], rows: readonly string[][]): string {
  const lines = [heads, heads.map((_, index) => (index === 0 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
