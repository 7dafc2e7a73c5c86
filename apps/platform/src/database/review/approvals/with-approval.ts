import { PerSQLError } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { type DatabaseCall, getActor } from '../../calls/call.ts'
import type { Handler } from '../../calls/handler.ts'
import { done, type Outcome } from '../../calls/outcome.ts'
import { dryRun } from '../../engine/dry-run.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Result } from '../../engine/result.ts'
import { runBatchStatement } from '../../engine/run-batch-statement.ts'
import type { Webhooks } from '../../events/webhooks/delivery-worker.ts'
import type { Audit } from '../audit-outbox.ts'
import { type Approvals, toAuditName } from './approvals.ts'
import type { PendingStatements } from './requests.ts'
import { mintApprovalToken } from './tokens.ts'
import { DryRunScope, MAX_HITS, mayBeApproved } from './write-gate.ts'

/** Time in which a request can be decided and an approval redeemed. */
const OPEN_MS = 30 * 60 * 1000

/** The services that a request for approval uses. */
export interface ApprovalRequester {
  readonly approvals: Approvals
  readonly engine: Engine
  readonly storage: DurableObjectStorage
  readonly webhooks: Webhooks
  readonly audit: Audit
  readonly now: () => number
}

/** The statements of a call, and the function to call when they become a request for approval. */
export interface PendingWrite extends PendingStatements {
  readonly giveUp?: () => void
}

/**
 * Wraps an operation: if rules require approval, it changes nothing and stores the statements, exactly as they were
 * sent, in a request.
 */
export const withApproval =
  (services: ApprovalRequester, toPendingWrite: (call: DatabaseCall) => PendingWrite, run: Handler): Handler =>
  (call) => {
    try {
      return run(call)
    } catch (cause) {
      if (!mayBeApproved(cause)) throw cause
      return ask(toPendingWrite(call), call, services)
    }
  }

/**
 * Runs the statements in a dry run: it finds all tables that they write, and statements that fail don't become a
 * request.
 */
function ask(
  { statements, batch, giveUp }: PendingWrite,
  { grant }: DatabaseCall,
  services: ApprovalRequester,
): Outcome {
  const { approvals, engine, storage, now, audit, webhooks } = services
  const trial = new DryRunScope()
  const results = dryRun(storage, engine, () =>
    approvals.gate.runAs(trial, () => runPendingWrite({ statements, batch }, grant, engine)),
  )
  const token = mintApprovalToken(approvals.address)
  const hits = trial.hits.slice(0, MAX_HITS)
  const guarded = [...new Set(trial.hits.map(({ matchedTable }) => matchedTable))]
  const [createdAtMs, { rowsRead, rowsWritten }] = [now(), sum(results)]
  const expiresAtMs = createdAtMs + OPEN_MS
  const outcome = { guarded, tables: [...trial.tables].sort(), prints: trial.prints, rowsWritten }
  const settled = { decision: undefined, redeemedAtMs: undefined }
  const { tokenId } = grant
  approvals.requests.add(token, {
    ...{ token, statements, batch, tokenId, hits, ...outcome, createdAtMs, expiresAtMs, ...settled },
  })
  giveUp?.()
  const { status, askedBy, decidedBy } = approvals.show(token, createdAtMs)
  const about = { approvalToken: token, status, askedBy, decidedBy, tables: guarded, hits }
  webhooks.announce([{ type: 'approval_required', ...about, expiresAt: toIso(expiresAtMs) }])
  audit(getActor(grant), 'approval.requested', toAuditName(token), {
    tables: guarded.slice(0, MAX_HITS).join(', '),
    statements: statements.length,
  })
  const extra = { approvalToken: token, hits, expiresAt: toIso(expiresAtMs) }
  const [table = 'unknown'] = [...guarded, ...outcome.tables]
  const failure = new PerSQLError('approval_required', { table }, { extra })
  // The dry run is rolled back, and its work is charged as rows read.
  return done(undefined, { failure, status: failure.status, sql: joinStatements({ statements }), rowsRead })
}

/** Runs the stored statements; called in a transaction. */
export function runPendingWrite(
  { statements, batch }: PendingStatements,
  grant: DatabaseCall['grant'],
  engine: Engine,
) {
  const results: Result[] = []
  for (const statement of statements) {
    if (batch) runBatchStatement(statement, grant, engine, results, true)
    else results.push(engine.run(engine.prepare(statement, grant), statement, true))
  }
  engine.checkKeys()
  return results
}

export const joinStatements = ({ statements }: Pick<PendingStatements, 'statements'>): string =>
  statements.map(({ sql }) => sql).join(';\n')

export function sum(results: readonly Result[]): { rowsRead: number; rowsWritten: number } {
  const total = { rowsRead: 0, rowsWritten: 0 }
  for (const { rowsRead, rowsWritten } of results) {
    total.rowsRead += rowsRead
    total.rowsWritten += rowsWritten
  }
  return total
}
