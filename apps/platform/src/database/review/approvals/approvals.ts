import { type ApprovalRequest, type ApprovalStatus, type ListedApproval, PerSQLError } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { getActor } from '../../calls/call.ts'
import { toWireParams } from '../../calls/values.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { ApprovalEvent } from '../../events/webhooks/store.ts'
import { getStatus, type Request, Requests } from './requests.ts'
import { Rules } from './rules.ts'
import { type Address, hashToken } from './tokens.ts'
import { WriteGate } from './write-gate.ts'

/** Characters of a request's SQL that lists contain. */
const LISTED_CHARACTERS = 500

/** The decision of an approver. */
export interface ApprovalDecision {
  readonly approved: boolean
  readonly by: string
  readonly note: string | null
}

/** The approval rules and requests of a database. */
export class Approvals {
  readonly rules: Rules
  readonly gate: WriteGate
  readonly requests: Requests
  readonly #address: () => Address

  constructor(
    storage: DurableObjectStorage,
    ownPages: SystemStorage,
    sweepAt: (atMs: number) => void,
    address: () => Address,
  ) {
    this.rules = new Rules(storage, ownPages)
    this.gate = new WriteGate(storage, this.rules)
    this.requests = new Requests(storage, ownPages, sweepAt)
    this.#address = address
  }

  get address(): Address {
    return this.#address()
  }

  /** Returns a request with all details for approvers. @throws PerSQLError `approval_not_found` */
  show(token: string, nowMs: number): ApprovalRequest {
    return toApprovalRequest(this.requests.get(token), this.address, nowMs)
  }

  /** Returns up to `most` requests: pending ones first, then the others, each newest first. */
  list(most: number, nowMs: number): ListedApproval[] {
    const waiting: ListedApproval[] = []
    const others: ListedApproval[] = []
    for (const request of this.requests.newestFirst()) {
      const { token } = request
      if (token === undefined) continue
      const list = getStatus(request, nowMs) === 'pending' ? waiting : others
      if (list.length < most) list.push(listed(token, request, nowMs))
      if (waiting.length === most) break
    }
    return [...waiting, ...others].slice(0, most)
  }

  /** Records the decision on a request. @throws PerSQLError `approval_not_found` or `approval_not_open` */
  decide(token: string, verdict: ApprovalDecision, nowMs: number): ApprovalRequest {
    const request = this.requests.get(token)
    const status = getStatus(request, nowMs)
    if (status !== 'pending') throw notOpen(status)
    const decided = { ...request, decision: { ...verdict, atMs: nowMs } }
    this.requests.replace(token, decided)
    return toApprovalRequest(decided, this.address, nowMs)
  }
}

/** Returns the webhook event for a decision. */
export const resolved = (approvalToken: string, request: ApprovalRequest): ApprovalEvent => {
  const { status, askedBy, decidedBy, hits, expiresAt } = request
  const tables = [...new Set(hits.map(({ matchedTable }) => matchedTable))]
  return { type: 'approval_resolved', approvalToken, status, askedBy, decidedBy, tables, hits, expiresAt }
}

/** Returns the name of a request in the audit log, which doesn't give access to it. */
export const toAuditName = (token: string): string => `approval/${hashToken(token).slice(0, 16)}`

const ASK_AGAIN = 'Send the write again to request a new approval.'

const AFTER: Readonly<Record<ApprovalStatus, string>> = {
  pending: 'Redeem it after it is approved.',
  approved: "The decision can't be changed.",
  denied: ASK_AGAIN,
  expired: ASK_AGAIN,
  redeemed: 'The write has already run.',
}

/** Creates the error for a request in a status that doesn't allow the action. */
export const notOpen = (status: ApprovalStatus) =>
  new PerSQLError('approval_not_open', { status, instead: AFTER[status] }, { extra: { status } })

/** Returns a request with the details for its requester. */
export function toApproval(request: Request, nowMs: number) {
  const { hits, createdAtMs, expiresAtMs, decision } = request
  return {
    status: getStatus(request, nowMs),
    hits: [...hits],
    createdAt: toIso(createdAtMs),
    expiresAt: toIso(expiresAtMs),
    decidedAt: decision ? toIso(decision.atMs) : null,
    note: decision?.note ?? null,
  }
}

/** Returns a request with the details for approvers, without its SQL. */
const toOutline = (request: Request, nowMs: number) => ({
  ...toApproval(request, nowMs),
  askedBy: getActor(request),
  tables: [...request.tables],
  rowsWritten: request.rowsWritten,
  decidedBy: request.decision?.by ?? null,
})

const toApprovalRequest = (request: Request, { namespace, slug }: Address, nowMs: number): ApprovalRequest => ({
  ...toOutline(request, nowMs),
  namespaceSlug: namespace,
  databaseSlug: slug,
  statements: request.statements.map(({ sql, params }) => ({ sql, params: toWireParams(params) })),
})

const listed = (approvalToken: string, request: Request, nowMs: number): ListedApproval => ({
  ...toOutline(request, nowMs),
  approvalToken,
  sql: request.statements[0]?.sql.slice(0, LISTED_CHARACTERS) ?? '',
  statementCount: request.statements.length,
})
