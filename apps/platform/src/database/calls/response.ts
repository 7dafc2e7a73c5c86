import type { AutomaticSnapshot } from '@persql/contract'
import { costNano, usd } from '../../money.ts'
import type { StreamedText } from '../../reply.ts'
import type { DatabaseOperation } from '../operations.ts'
import type { DatabaseCall } from './call.ts'
import { type Outcome, roundMs } from './outcome.ts'

/** Operations whose responses include their cost. */
const WITH_META: ReadonlySet<string> = new Set<DatabaseOperation>([
  'query',
  'batch',
  'script',
  'apply',
  'apply_migration',
  'redeem_approval',
  'import_database',
  'begin_transaction',
  'run_in_transaction',
  'commit_transaction',
])

/**
 * Returns the whole response, around a stream if the result is one. `meta` accompanies `data` for operations that ran SQL,
 * and for lists.
 */
export function buildResponseBody(
  operation: DatabaseCall['operation'],
  outcome: Outcome,
  durationMs: number,
  kept: AutomaticSnapshot | undefined,
): string | StreamedText {
  if (outcome.body !== undefined) return outcome.body
  const end = `${buildMeta(operation, outcome, durationMs, kept)}}`
  const { dataStream } = outcome
  if (dataStream === undefined) return `${START}${outcome.dataText ?? JSON.stringify(outcome.data)}${end}`
  const { before, stream, after } = dataStream
  return { before: START + before, stream, after: after + end }
}

const START = '{"success":true,"data":'

function buildMeta(
  operation: DatabaseCall['operation'],
  { rowsRead, rowsWritten, statementCount, aiTokens, page }: Outcome,
  durationMs: number,
  kept: AutomaticSnapshot | undefined,
): string {
  if (!WITH_META.has(operation) && aiTokens === undefined) return page ? `,"meta":${JSON.stringify(page)}` : ''
  const costUsd = usd(costNano({ requests: 1, rowsRead, rowsWritten, aiTokens: aiTokens ?? 0 }))
  const meta = {
    rowsRead,
    rowsWritten,
    durationMs: roundMs(durationMs),
    statementCount,
    costUsd,
    aiTokens,
    ...kept,
  }
  return `,"meta":${JSON.stringify(meta)}`
}

/** Returns the SQL of a failed call, for the log. */
export function sentSql(body: string): string {
  const { sql, statements } = (body ? JSON.parse(body) : {}) as { sql?: string; statements?: { sql: string }[] }
  return sql ?? statements?.map((statement) => statement.sql).join(';\n') ?? ''
}
