import { type MetricDefinition, metrics } from '../../apps/platform/src/metrics/definitions.ts'
import { formatTable } from './table.ts'

const INTRO = `# Metrics

All metrics of \`GET /metrics\`, in Prometheus' text format. The table is generated from the declarations that the server
runs on. Times are in seconds, sizes in bytes. Counters start at 0 with the process, and \`rate()\` takes that into account.

To collect them, and for a dashboard and alerts, see [monitoring](../self-hosting/monitoring.md#metrics).
`

const LABELS = [
  ['Label', 'Values'],
  [
    '`operation`',
    'the operation of the [HTTP API](api.md), or `mcp`, `endpoint`, `endpoint_discovery`, and `none` for pages and unknown paths',
  ],
  ['`status`', 'the HTTP status'],
  ['`code`', 'the code of the [error](errors.md)'],
  ['`namespace`', 'at most 20 namespaces for each metric: those with the most use in the last minutes'],
  ['`quota`', 'the quota that refused the call, as in [limits](limits.md)'],
  ['`lane`', '`account` for sign-ins to the instance, `endpoint` for endpoints'],
  ['`process`', '`workerd`, `reader-0`, `reader-1` …; in the first cell also `launcher` and `hashing`'],
  ['`cell`', 'the number of the [cell](../self-hosting/cells.md), `0` if there is only one'],
  [
    '`reason`',
    'of a reader: `timeout`, `canceled` or `deleted`; of a restart: `blocked` by a statement, `quota` or `disk` for a statement that needs too much storage, `not_listening`, or `exited` on its own',
  ],
]

const OUTRO = `
A namespace that leaves the 20 and comes back continues with its own count, so \`rate()\` over a longer range is correct.
A metric of a part that the instance doesn't have has no value: readers, password hashing and processes exist only on a
machine of your own, \`persql_process_open_fds\` only on Linux, \`persql_backup_*\` only after a
backup, and \`persql_backup_interval_seconds\` only with \`PERSQL_BACKUP\`.
`

/** Returns the page `docs/reference/metrics.md`. */
export function formatMetricsPage(): string {
  const rows = Object.entries(metrics as Readonly<Record<string, MetricDefinition>>).map(
    ([name, { type, help, labels = [] }]) => [
      `\`${name}\``,
      type,
      help,
      labels.map((label) => `\`${label}\``).join(', '),
    ],
  )
  return `${INTRO}\n${formatTable([['Metric', 'Type', 'Meaning', 'Labels'], ...rows])}\n\n## Labels\n\n${formatTable(LABELS)}\n${OUTRO}`
}
