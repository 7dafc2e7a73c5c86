import { expect, test } from 'vitest'
import { type MetricDefinition, type MetricName, metrics } from '../../apps/platform/src/metrics/definitions.ts'
import { formatMetricsPage } from './metrics-page.ts'
import { findFiles, readPage } from './pages.ts'

test('the page of metrics is up to date', async () => {
  // To update it: npm run test:unit -- tools/docs/metrics-page.test.ts --update
  await expect(formatMetricsPage()).toMatchFileSnapshot('../../docs/reference/metrics.md')
})

/** Series that a histogram has beside its name. */
const toMetric = (series: string): string => {
  const [, base] = /^(.*_seconds)_(?:bucket|sum|count)$/.exec(series) ?? []
  return base ?? series
}

test('documentation, dashboard and alerts name only metrics that exist', () => {
  const pages = [...findFiles('docs', /\.md$/), ...findFiles('deploy/monitoring', /./)]
  expect(pages.length).toBeGreaterThan(20)
  const named = pages.flatMap((page) =>
    [...readPage(page).matchAll(/(?<![\w_])persql_[a-z]+_[a-z_]*[a-z]\b(?!_?\*)/g)].map(([name]) => ({
      page,
      name: toMetric(name),
    })),
  )
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter(({ name }) => !Object.hasOwn(metrics, name))).toEqual([])
})

test('the dashboard shows every metric, with a query in each panel', () => {
  const { panels } = JSON.parse(readPage('deploy/monitoring/grafana-dashboard.json')) as Dashboard
  const queries = panels.flatMap(({ type, title, targets = [] }) => {
    if (type !== 'row') expect(targets.length, title).toBeGreaterThan(0)
    return targets.map(({ expr }) => expr)
  })
  const shown = queries.flatMap((expr) => [...expr.matchAll(/persql_\w+/g)].map(([name]) => toMetric(name)))
  const absent = Object.keys(metrics).filter((name) => !shown.includes(name))
  // These are for alerts.
  expect(absent).toEqual(['persql_backup_success', 'persql_backup_failures', 'persql_backup_interval_seconds'])
  const ids = panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('labels in queries of the dashboard and the alerts are labels of their metric', () => {
  const dashboard = JSON.parse(readPage('deploy/monitoring/grafana-dashboard.json')) as Dashboard
  const texts = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    readPage('deploy/monitoring/alerts.yml'),
  ]
  const matchers = texts.flatMap((text) => [...text.matchAll(/(persql_\w+)\{([^}]*)\}/g)])
  expect(matchers.length).toBeGreaterThan(30)
  for (const [, series = '', text = ''] of matchers) {
    const { labels = [] } = metrics[toMetric(series) as MetricName] as MetricDefinition
    const used = [...text.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label]) => label)
    const known = [...labels, 'job', 'instance', 'le'] as readonly string[]
    expect(
      used.filter((label) => !known.includes(label ?? '')),
      series,
    ).toEqual([])
  }
})

test('every alert has a query, a severity and a text', () => {
  const [, ...alerts] = readPage('deploy/monitoring/alerts.yml').split(/^ {6}- alert: /m)
  expect(alerts.length).toBeGreaterThan(8)
  for (const alert of alerts) {
    expect(alert).toMatch(/^PerSQL\w+\n/)
    for (const part of [/^ {8}expr: \S/m, /severity: (critical|warning)/, /summary: \S/, /description: \S/]) {
      expect(alert).toMatch(part)
    }
  }
})

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}
