import type { AutomaticSnapshot } from '@persql/contract'
import { costNano, usd } from '../../money.ts'
import type { DatabaseOperation } from '../operations.ts'
import type { DatabaseCall } from './call.ts'
import { type Outcome, roundMs } from './outcome.ts'

/** Operations whose responses include their cost. */
const WITH_META: ReadonlySet<string> = new Set<DatabaseOperation>([
  'query',
  'batch',
  'apply',
  'apply_migration',
  'redeem_approval',
  'import_database',
])

/** Returns the whole response. `meta` accompanies `data` for operations that ran SQL, and for lists. */
export function buildResponseBody(
  operation: DatabaseCall['operation'],
  outcome: Outcome,
  durationMs: number,
  kept: AutomaticSnapshot | undefined,
): string {
  const data = outcome.dataText ?? JSON.stringify(outcome.data)
  const { rowsRead, rowsWritten, statementCount, aiTokens, page } = outcome
  if (!WITH_META.has(operation) && aiTokens === undefined) {
    return `{"success":true,"data":${data}${page ? `,"meta":${JSON.stringify(page)}` : ''}}`
  }
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
  return `{"success":true,"data":${data},"meta":${JSON.stringify(meta)}}`
}

/** Returns the SQL of a failed call, for the log. */
export function sentSql(body: string): string {
  const { sql, statements } = (body ? JSON.parse(body) : {}) as { sql?: string; statements?: { sql: string }[] }
  return sql ?? statements?.map((statement) => statement.sql).join(';\n') ?? ''
}
