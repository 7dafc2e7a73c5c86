import { type MetricDefinition, type MetricName, metrics } from './definitions.ts'
import { BUCKETS_MS, type OperationCounts, readOperations, readSeries } from './metrics.ts'

/** A value that is read when the metrics are collected. */
export interface Sample {
  readonly name: MetricName
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

/** The type of the text that `formatExposition` returns. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Returns all metrics in the Prometheus text format. */
export function formatExposition(collected: readonly Sample[]): string {
  const lines: string[] = []
  for (const [name, { type, help }] of Object.entries(metrics) as [MetricName, MetricDefinition][]) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...formatOperations(name))
    for (const [labels, value] of readSeries(name)) lines.push(formatLine(name, labels, value))
    for (const sample of collected) {
      if (sample.name === name) lines.push(formatLine(name, formatLabels(sample.labels), sample.value))
    }
  }
  return `${lines.join('\n')}\n`
}

const formatLine = (name: string, labels: string, value: number): string =>
  `${labels === '' ? name : `${name}{${labels}}`} ${value}`

const formatLabels = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',')

/** Returns the lines of the metrics that are kept by operation. */
function formatOperations(name: MetricName): string[] {
  const operations = [...readOperations()]
  switch (name) {
    case 'persql_requests_total':
      return operations.flatMap(([operation, { byStatus }]) =>
        [...byStatus].map(([status, value]) =>
          formatLine(name, formatLabels({ operation, status: `${status}` }), value),
        ),
      )
    case 'persql_operation_seconds':
      return operations.flatMap(([operation, counts]) => formatHistogram(name, formatLabels({ operation }), [counts]))
    case 'persql_request_seconds':
      return formatHistogram(
        name,
        '',
        operations.map(([, counts]) => counts),
      )
    default:
      return []
  }
}

/** Returns the lines of a histogram: buckets contain all smaller ones. */
function formatHistogram(name: string, labels: string, all: readonly OperationCounts[]): string[] {
  const before = labels === '' ? '' : `${labels},`
  let total = 0
  const buckets = [...BUCKETS_MS, Number.POSITIVE_INFINITY].map((bound, i) => {
    for (const { buckets } of all) total += buckets[i] ?? 0
    const le = Number.isFinite(bound) ? String(bound / 1000) : '+Inf'
    return formatLine(`${name}_bucket`, `${before}le="${le}"`, total)
  })
  const sum = all.reduce((sum, { sumMs }) => sum + sumMs, 0) / 1000
  return [...buckets, formatLine(`${name}_sum`, labels, sum), formatLine(`${name}_count`, labels, total)]
}
