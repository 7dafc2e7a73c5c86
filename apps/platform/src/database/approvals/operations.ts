import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { type ApprovalOperation, actorOf, type DatabaseCall } from '../call.ts'
import type { Run } from '../operations.ts'
import { done } from '../outcome.ts'
import { approvalOf, nameOf, notOpen } from './approvals.ts'
import { runFrozen, sum, textOf } from './asking.ts'
import { Trial } from './gate.ts'
import { statusOf } from './requests.ts'

const MOST_LISTED = 100

/** Rules that make writes wait for a human, and what callers do who were told to wait. Bodies come validated. */
export const approvalOperations: Record<ApprovalOperation, Run> = {
  list_approval_rules: (_call, { approvals }) => done(approvals.rules.list()),

  create_approval_rule: (call, { approvals, audit, now }) => {
    const { tableGlob, action, note = null } = inputOf<'create_approval_rule'>(call)
    const rule = approvals.rules.add({ tableGlob, action, note }, actorOf(call.grant), now())
    audit(actorOf(call.grant), 'approval_rule.created', rule.id, { tableGlob, action })
    return done(rule)
  },

  delete_approval_rule: (call, { approvals, audit }) => {
    const { id, tableGlob, action } = approvals.rules.remove(inputOf<'delete_approval_rule'>(call).id)
    audit(actorOf(call.grant), 'approval_rule.deleted', id, { tableGlob, action })
    return done({ deleted: true })
  },

  list_approvals: (_call, { approvals, now }) => done(approvals.list(MOST_LISTED, now())),

  get_approval(call, { approvals, now }) {
    const { token } = inputOf<'get_approval'>(call)
    return done(approvalOf(approvals.requests.getOwn(token, call.grant.tokenId), now()))
  },

  redeem_approval(call, { approvals, engine, audit, now }) {
    const { approvalToken } = inputOf<'redeem_approval'>(call)
    const { requests, gate } = approvals
    const [request, nowMs] = [requests.getOwn(approvalToken, call.grant.tokenId), now()]
    const status = statusOf(request, nowMs)
    if (status !== 'approved') throw notOpen(status)
    const trial = new Trial(request.guarded)
    const results = engine.transaction(() => {
      requests.replace(approvalToken, { ...request, redeemedAtMs: nowMs })
      const results = gate.during(trial, () => runFrozen(request, call.grant, engine))
      const same = JSON.stringify(trial.prints) === JSON.stringify(request.prints)
      if (!same || trial.hits.length > 0) throw new PerSQLError('approval_stale')
      return results
    })
    audit(actorOf(call.grant), 'approval.redeemed', nameOf(approvalToken), {})
    const used = { sql: textOf(request), statementCount: results.length, ...sum(results) }
    return done(request.batch ? results : results[0], used)
  },
}

const inputOf = <K extends ApprovalOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
