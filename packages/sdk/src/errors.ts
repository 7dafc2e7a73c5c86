import type { ApprovalHit, MergeReport, SqlErrorDetail } from './types.ts'

/** What a failure is made of. */
export interface Failure {
  status: number
  code: string
  message: string
  /** The body that was answered, as it came. */
  body?: Record<string, unknown>
  retryAfterS?: number
  cause?: unknown
}

/** A call that failed. `code` tells which failure; `network` and `timeout` have the status 0. */
export class PerSQLError extends Error {
  override name = 'PerSQLError'
  readonly status: number
  readonly code: string
  /** Why SQL was not run. */
  readonly detail: SqlErrorDetail | undefined
  /** The body that was answered: some failures say more there. */
  readonly body: Readonly<Record<string, unknown>>

  /** Seconds to wait, where the server told. */
  readonly retryAfter: number | undefined

  constructor({ status, code, message, body = {}, retryAfterS, cause }: Failure) {
    super(message, { cause })
    this.status = status
    this.code = code
    this.body = body
    this.retryAfter = retryAfterS
    this.detail = body.errorDetail as SqlErrorDetail | undefined
  }
}

/** A write that a human must approve first: show `approvalUrl`, then `db.approvals.poll` and `redeem` the token. */
export class ApprovalRequiredError extends PerSQLError {
  override name = 'ApprovalRequiredError'
  get approvalToken(): string {
    return this.body.approvalToken as string
  }
  get approvalUrl(): string {
    return this.body.approvalUrl as string
  }
  get hits(): ApprovalHit[] {
    return this.body.hits as ApprovalHit[]
  }
  get expiresAt(): string {
    return this.body.expiresAt as string
  }
}

/** Too many calls, also after the retries. */
export class RateLimitError extends PerSQLError {
  override name = 'RateLimitError'
}

/** The prepaid balance is used up: `persql.billing.topUp(amountUsd)` answers a payment page. */
export class InsufficientBalanceError extends PerSQLError {
  override name = 'InsufficientBalanceError'
  /** How to pay: x402 offers. */
  get accepts(): Record<string, unknown>[] {
    return (this.body.accepts ?? []) as Record<string, unknown>[]
  }
  /** The call that opens a payment page, and how much is suggested. */
  get topUp(): { url: string; suggestedAmountUsd: number | undefined } | undefined {
    const [offer] = this.accepts as { resource?: string; extra?: { suggestedAmountUsd?: number } }[]
    return offer?.resource ? { url: offer.resource, suggestedAmountUsd: offer.extra?.suggestedAmountUsd } : undefined
  }
}

/** A merge that was not done: `merge_conflict`, `merge_would_lose_data` or `merge_stale`. */
export class MergeRefusedError extends PerSQLError {
  override name = 'MergeRefusedError'
  /** What it would do, and what stands in its way. */
  get report(): MergeReport {
    return this.body.merge as MergeReport
  }
}

/** The error of the class that fits. */
export function errorOf(failure: Failure): PerSQLError {
  if (failure.status === 402) return new InsufficientBalanceError(failure)
  if (failure.status === 429) return new RateLimitError(failure)
  if (failure.body?.approvalToken) return new ApprovalRequiredError(failure)
  if (failure.body?.merge) return new MergeRefusedError(failure)
  return new PerSQLError(failure)
}
