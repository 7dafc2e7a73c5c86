import { PerSQLError } from '@persql/contract'
import { getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { Engine } from '../../engine/engine.ts'
import { toResponses } from '../../engine/result.ts'
import type { Audit } from '../audit-outbox.ts'
import { type Approvals, notOpen, toApproval, toAuditName } from './approvals.ts'
import { getStatus } from './requests.ts'
import { joinStatements, runPendingWrite, sum } from './with-approval.ts'
import { DryRunScope } from './write-gate.ts'

const MOST_LISTED = 100

/** The services that approvals use. */
interface ApprovalServices {
  readonly approvals: Approvals
  readonly engine: Engine
  readonly audit: Audit
  readonly now: () => number
}

/** Returns the handlers of approval rules and of requests for approval. */
export function operations({ approvals, engine, audit, now }: ApprovalServices) {
  return {
    list_approval_rules: () => done(approvals.rules.list()),

    create_approval_rule: (call) => {
      const { tableGlob, action, note = null } = parseInput<'create_approval_rule'>(call)
      const rule = approvals.rules.add({ tableGlob, action, note }, getActor(call.grant), now())
      audit(getActor(call.grant), 'approval_rule.created', rule.id, { tableGlob, action })
      return done(rule)
    },

    delete_approval_rule: (call) => {
      const { id, tableGlob, action } = approvals.rules.remove(parseInput<'delete_approval_rule'>(call).id)
      audit(getActor(call.grant), 'approval_rule.deleted', id, { tableGlob, action })
      return done({ deleted: true })
    },

    list_approvals: () => done(approvals.list(MOST_LISTED, now())),

    get_approval(call) {
      const { token } = parseInput<'get_approval'>(call)
      return done(toApproval(approvals.requests.getOwn(token, call.grant.tokenId), now()))
    },

    redeem_approval(call) {
      const { approvalToken } = parseInput<'redeem_approval'>(call)
      const { requests, gate } = approvals
      const [request, nowMs] = [requests.getOwn(approvalToken, call.grant.tokenId), now()]
      const status = getStatus(request, nowMs)
      if (status !== 'approved') throw notOpen(status)
      const trial = new DryRunScope(request.guarded)
      const results = engine.transaction(() => {
        requests.replace(approvalToken, { ...request, redeemedAtMs: nowMs })
        const results = gate.runAs(trial, () => runPendingWrite(request, call.grant, engine))
        const same = JSON.stringify(trial.prints) === JSON.stringify(request.prints)
        if (!same || trial.hits.length > 0) throw new PerSQLError('approval_stale')
        return results
      })
      audit(getActor(call.grant), 'approval.redeemed', toAuditName(approvalToken), {})
      const used = { sql: joinStatements(request), statementCount: results.length, ...sum(results) }
      const responses = toResponses(results, request.statements)
      return done(request.batch ? responses : responses[0], used)
    },
  } satisfies Handlers
}
