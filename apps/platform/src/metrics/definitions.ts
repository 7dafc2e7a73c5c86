/** A metric as the exposition and the documentation describe it. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One sentence without a full stop. */
  readonly help: string
  /** The names of its labels, whose values are from small sets. */
  readonly labels?: readonly string[]
}

/** All metrics, in the order of the exposition. Units are seconds and bytes; counters end with `_total`. */
export const metrics = {
  persql_build_info: {
    type: 'gauge',
    help: 'Always 1, with the version and the runtime of this process',
    labels: ['version', 'runtime'],
  },
  persql_requests_total: { type: 'counter', help: 'Requests by operation and status', labels: ['operation', 'status'] },
  persql_request_seconds: { type: 'histogram', help: 'Time from request to response, of all requests' },
  persql_operation_seconds: {
    type: 'histogram',
    help: 'Time from request to response, by operation',
    labels: ['operation'],
  },
  persql_errors_total: { type: 'counter', help: 'Failures by code', labels: ['code'] },
  persql_rows_read_total: { type: 'counter', help: 'Rows read by statements' },
  persql_rows_written_total: { type: 'counter', help: 'Rows written by statements' },
  persql_namespace_requests_total: {
    type: 'counter',
    help: 'Calls of databases in the 20 namespaces that currently have the most calls',
    labels: ['namespace'],
  },
  persql_namespace_rows_total: {
    type: 'counter',
    help: 'Rows read and written in the 20 namespaces that currently have the most rows',
    labels: ['namespace'],
  },
  persql_leases: {
    type: 'gauge',
    help: 'Databases that have reserved a part of the balance, so that they can serve calls',
  },
  persql_quota_refusals_total: {
    type: 'counter',
    help: 'Calls and background tasks refused because of a quota',
    labels: ['quota'],
  },
  persql_damaged_databases: { type: 'gauge', help: 'Databases whose file is damaged, missing or outdated' },
  persql_readers: { type: 'gauge', help: 'Reader processes that run' },
  persql_reader_reads_total: { type: 'counter', help: 'Reads that ran in a reader' },
  persql_reads_running: { type: 'gauge', help: 'Reads that run in a reader now' },
  persql_reads_waiting: { type: 'gauge', help: 'Reads that wait for a reader now' },
  persql_reader_kills_total: {
    type: 'counter',
    help: 'Readers ended because their read took too long, was canceled, or its database was deleted',
    labels: ['reason'],
  },
  persql_reader_crashes_total: { type: 'counter', help: 'Readers that ended on their own' },
  persql_open_results_bytes: { type: 'gauge', help: 'Large results that callers are still receiving' },
  persql_hashing_running: { type: 'gauge', help: 'Passwords that are hashed now' },
  persql_hashing_waiting: { type: 'gauge', help: 'Passwords that wait to be hashed', labels: ['lane'] },
  persql_hashing_refusals_total: {
    type: 'counter',
    help: 'Passwords refused because too many were waiting',
    labels: ['lane'],
  },
  persql_disk_free_bytes: { type: 'gauge', help: 'Free bytes of the disk of the data folder' },
  persql_disk_reserve_bytes: { type: 'gauge', help: 'Free bytes below which calls that store data are refused' },
  persql_logs_bytes: { type: 'gauge', help: 'Bytes of all write-ahead logs' },
  persql_logs_shortened_total: { type: 'counter', help: 'Write-ahead logs that were shortened' },
  persql_storage_refusals_total: {
    type: 'counter',
    help: 'Calls and background tasks refused because the disk is full',
  },
  persql_watchdog_kills_total: {
    type: 'counter',
    help: 'Processes that the launcher ended because a statement blocked them or they no longer listened',
    labels: ['reason'],
  },
  persql_cell_restarts_total: {
    type: 'counter',
    help: 'Restarts of a cell, also after it ended on its own',
    labels: ['cell', 'reason'],
  },
  persql_process_resident_bytes: { type: 'gauge', help: 'Memory of a process in RAM', labels: ['process'] },
  persql_process_open_fds: { type: 'gauge', help: 'Open file descriptors of a process', labels: ['process'] },
  persql_process_cpu_seconds_total: { type: 'counter', help: 'CPU time of a process', labels: ['process'] },
  persql_spans_exported_total: { type: 'counter', help: 'Spans of traces that the collector took' },
  persql_spans_dropped_total: {
    type: 'counter',
    help: 'Spans of traces dropped because the collector failed or too many were waiting',
  },
  persql_backup_age_seconds: { type: 'gauge', help: 'Time since the start of the last backup that succeeded' },
  persql_backup_success: { type: 'gauge', help: '1 if the last backup succeeded, else 0' },
  persql_backup_failures: { type: 'gauge', help: 'Failed backups since the last one that succeeded' },
  persql_backup_interval_seconds: { type: 'gauge', help: 'Interval of the backups of PERSQL_BACKUP, if it is set' },
} as const satisfies Readonly<Record<string, MetricDefinition>>

/** The name of a metric. */
export type MetricName = keyof typeof metrics
