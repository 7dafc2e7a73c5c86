import type { LibsqlError } from './protocol.ts'

/** The result of a statement, with exact values. */
export interface StatementResult {
  readonly columns: readonly string[]
  /** The declared type of each column; `null` for an expression. */
  readonly declaredTypes: readonly (string | null)[]
  /** INTEGER cells are bigints, REAL cells numbers, blobs have their base64. */
  readonly rows: readonly (readonly unknown[])[]
  readonly changes: number
  readonly lastInsertRowid: bigint | undefined
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly durationMs: number
}

/** The outcome of a statement: its result, its error, or `undefined` if it was skipped. */
export type StatementOutcome = StatementResult | { readonly error: LibsqlError } | undefined

/** Returns whether a statement failed. */
export const hasFailed = (outcome: StatementOutcome): outcome is { readonly error: LibsqlError } =>
  outcome !== undefined && 'error' in outcome

/** Formats a cell. The text is JSON, which is built here because a result can have millions of cells. */
export function formatValue(cell: unknown): string {
  if (cell === null) return '{"type":"null"}'
  switch (typeof cell) {
    case 'bigint':
      return `{"type":"integer","value":"${cell}"}`
    case 'number':
      return `{"type":"float","value":${formatFloat(cell)}}`
    case 'string':
      return `{"type":"text","value":${JSON.stringify(cell)}}`
    default: {
      // The engine represents infinity as a JSON number out of range.
      if ('rawJSON' in (cell as object)) return `{"type":"float","value":${(cell as { rawJSON: string }).rawJSON}}`
      // Clients accept base64 without padding, and some accept no padding.
      const { base64 } = cell as { base64: string }
      return `{"type":"blob","base64":"${base64.replace(/=+$/, '')}"}`
    }
  }
}

/** JSON has no infinity, but parsers read a number out of range as one. */
function formatFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '9e999'
  if (value === Number.NEGATIVE_INFINITY) return '-9e999'
  return Object.is(value, -0) ? '-0.0' : JSON.stringify(value)
}

export const formatRow = (row: readonly unknown[]): string => `[${row.map(formatValue).join(',')}]`

/** Formats the columns of a result, with their declared types. */
export const formatColumns = ({ columns, declaredTypes }: Pick<StatementResult, 'columns' | 'declaredTypes'>): string =>
  JSON.stringify(columns.map((name, i) => ({ name, decltype: declaredTypes[i] ?? null })))

/** Formats the counts of a result. */
export const formatCounts = ({ changes, lastInsertRowid }: StatementResult): string =>
  `"affected_row_count":${changes},"last_insert_rowid":${lastInsertRowid === undefined ? null : `"${lastInsertRowid}"`}`

/** Formats the result of a statement. */
export function formatResult(result: StatementResult, wantsRows: boolean): string {
  const rows = wantsRows ? result.rows.map(formatRow).join(',') : ''
  const { rowsRead, rowsWritten, durationMs } = result
  return `{"cols":${formatColumns(result)},"rows":[${rows}],${formatCounts(result)},"replication_index":null,"rows_read":${rowsRead},"rows_written":${rowsWritten},"query_duration_ms":${durationMs}}`
}

/** Formats the response to a request that succeeded. `fields` is JSON without its braces. */
export const formatOk = (type: string, fields = ''): string =>
  `{"type":"ok","response":{"type":"${type}"${fields === '' ? '' : `,${fields}`}}}`

/** Formats the response to a request that failed. */
export const formatError = (error: LibsqlError): string => JSON.stringify({ type: 'error', error })

/** Formats the results of a batch: two lists, with an entry for each step in both. */
export function formatBatch(outcomes: readonly StatementOutcome[], wantsRows: (step: number) => boolean): string {
  const results = outcomes.map((outcome, i) =>
    outcome === undefined || hasFailed(outcome) ? 'null' : formatResult(outcome, wantsRows(i)),
  )
  const errors = outcomes.map((outcome) => (hasFailed(outcome) ? JSON.stringify(outcome.error) : 'null'))
  return `{"step_results":[${results.join(',')}],"step_errors":[${errors.join(',')}]}`
}

/** Formats the body of the response to a pipeline. */
export const formatPipeline = (baton: string | null, results: readonly string[]): string =>
  `{"baton":${JSON.stringify(baton)},"base_url":null,"results":[${results.join(',')}]}`

/** Formats the response to a cursor: JSON values, one in each line. */
export const formatCursor = (baton: string | null, entries: readonly string[]): string =>
  `${[`{"baton":${JSON.stringify(baton)},"base_url":null}`, ...entries, NO_REPLICATION].join('\n')}\n`

const NO_REPLICATION = '{"type":"replication_index","replication_index":null}'

/** Formats the entries of a cursor as JSON values. */
export function formatEntries(
  outcomes: readonly StatementOutcome[],
  wantsRows: (step: number) => boolean,
): readonly string[] {
  const entries: string[] = []
  outcomes.forEach((outcome, step) => {
    if (outcome === undefined) return
    if (hasFailed(outcome)) {
      entries.push(JSON.stringify({ type: 'step_error', step, error: outcome.error }))
      return
    }
    entries.push(`{"type":"step_begin","step":${step},"cols":${formatColumns(outcome)}}`)
    if (wantsRows(step)) for (const row of outcome.rows) entries.push(`{"type":"row","row":${formatRow(row)}}`)
    entries.push(`{"type":"step_end",${formatCounts(outcome)}}`)
  })
  return entries
}

/**
 * Formats the responses to requests of a WebSocket: the baton, and then one response in each line. JSON contains no line
 * feed, so the responses can be separated without parsing them.
 */
export const formatLines = (baton: string | null, results: readonly string[]): string =>
  [JSON.stringify(baton), ...results].join('\n')
