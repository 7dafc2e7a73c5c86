import { PerSQLError } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'
import { type DatabaseCall, parseApply, parseProposal } from '../../calls/call.ts'
import type { Handlers } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import { dryRun } from '../../engine/dry-run.ts'
import { toResponseResult } from '../../engine/result.ts'
import { type ApprovalRequester, type PendingWrite, withApproval } from '../approvals/with-approval.ts'
import type { Proposals } from './store.ts'

/** The services that proposals use. */
interface ProposalServices extends ApprovalRequester {
  readonly proposals: Proposals
}

/** Returns the handlers of writes that are proposed first and applied later. */
export function operations(services: ProposalServices) {
  const { engine, proposals, approvals, storage, now } = services
  /** A proposal that becomes a request for approval is deleted. Otherwise the write could run twice. */
  const waiting = ({ body, grant }: DatabaseCall): PendingWrite => {
    const token = parseApply(body)
    const { statement } = proposals.get(token, grant.tokenId, now())
    return { statements: [statement], batch: false, giveUp: () => proposals.spend(token) }
  }
  return {
    propose({ body, grant }) {
      const { ttlSec, ...statement } = parseProposal(body)
      const analysis = engine.prepareAlone(statement, grant)
      const { kind } = analysis.effect
      if (kind === 'read')
        throw new PerSQLError('invalid_input', { problem: "This statement doesn't write. Use query instead." })
      const { params } = statement
      const planned = { params, sql: `EXPLAIN QUERY PLAN ${analysis.statement.text}` }
      const plan = engine.run(engine.prepare(planned, grant), planned)
      // Rules that deny the write fail the proposal now. Rules that require approval apply when it is applied.
      const attempt = () => {
        const result = approvals.gate.trying(() => engine.run(analysis, statement, true))
        engine.checkKeys()
        return result
      }
      const tried = counts(analysis) ? dryRun(storage, engine, attempt) : undefined
      const expiresAtMs = now() + ttlSec * 1000
      const proposal = { statement, tokenId: grant.tokenId, expiresAtMs, effect: serializeEffect(analysis) }
      const data = {
        sql: statement.sql,
        plan: plan.rows,
        estimatedAffectedRows: tried?.changes ?? null,
        executionToken: proposals.add(proposal),
        expiresAt: toIso(expiresAtMs),
        action: kind,
      }
      // The dry run is rolled back, and its work is charged as rows read.
      const rowsRead = plan.rowsRead + (tried?.rowsRead ?? 0)
      return done(data, { sql: statement.sql, statementCount: 1, rowsRead })
    },

    apply: withApproval(services, waiting, ({ body, grant }) => {
      const token = parseApply(body)
      const { statement, effect } = proposals.get(token, grant.tokenId, now())
      const analysis = engine.prepare(statement, grant)
      if (serializeEffect(analysis) !== effect) throw new PerSQLError('proposal_stale')
      const result = engine.transaction(() => {
        proposals.spend(token)
        return engine.run(analysis, statement, true)
      })
      const { rowsRead, rowsWritten } = result
      return done(toResponseResult(result, statement), { sql: statement.sql, statementCount: 1, rowsRead, rowsWritten })
    }),
  } satisfies Handlers
}

/** Returns whether a dry run can count the rows that a statement changes. */
const counts = ({ effect, statement }: Analysis): boolean =>
  effect.kind === 'write' &&
  (statement.verb === 'UPDATE' ||
    statement.verb === 'DELETE' ||
    (statement.verb === 'INSERT' && !statement.names.has('select')))

const serializeEffect = ({ effect: { kind, reads, writes, cleared } }: Analysis) =>
  JSON.stringify([kind, reads, writes, cleared])
