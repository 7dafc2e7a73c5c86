import type { ApprovalHit, MergeReport, SqlErrorDetail } from './types.ts'

/** The fields of an error. */
export interface Failure {
  status: number
  code: string
  message: string
  /** The response body. */
  body?: Record<string, unknown>
  retryAfterS?: number
  cause?: unknown
}

/** An error of a call, identified by `code`. Errors without a response, such as `network` and `timeout`, have the status 0. */
export class PerSQLError extends Error {
  override name = 'PerSQLError'
  readonly status: number
  readonly code: string
  /** The cause of an SQL error. */
  readonly detail: SqlErrorDetail | undefined
  /** The response body, which has more fields for some errors. */
  readonly body: Readonly<Record<string, unknown>>

  /** Seconds to wait before a retry, if the server sent `Retry-After`. */
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

/** Thrown for a write that needs approval. Show `approvalUrl`, then call `db.approvals.poll` and `redeem` with the token. */
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

/** Thrown if the rate limit is still exceeded after all retries. */
export class RateLimitError extends PerSQLError {
  override name = 'RateLimitError'
}

/** Thrown if the prepaid balance is empty. `persql.billing.topUp(amountUsd)` returns a payment page. */
export class InsufficientBalanceError extends PerSQLError {
  override name = 'InsufficientBalanceError'
  /** The x402 payment offers. */
  get accepts(): Record<string, unknown>[] {
    return (this.body.accepts ?? []) as Record<string, unknown>[]
  }
  /** The API call that creates a payment page, and the suggested amount. */
  get topUp(): { url: string; suggestedAmountUsd: number | undefined } | undefined {
    const [offer] = this.accepts as { resource?: string; extra?: { suggestedAmountUsd?: number } }[]
    return offer?.resource ? { url: offer.resource, suggestedAmountUsd: offer.extra?.suggestedAmountUsd } : undefined
  }
}

/** Thrown for a refused merge: `merge_conflict`, `merge_would_lose_data` or `merge_stale`. */
export class MergeRefusedError extends PerSQLError {
  override name = 'MergeRefusedError'
  /** The plan of the merge and its conflicts. */
  get report(): MergeReport {
    return this.body.merge as MergeReport
  }
}

/** Creates an error of the matching class. */
export function toError(failure: Failure): PerSQLError {
  if (failure.status === 402) return new InsufficientBalanceError(failure)
  if (failure.status === 429) return new RateLimitError(failure)
  if (failure.body?.approvalToken) return new ApprovalRequiredError(failure)
  if (failure.body?.merge) return new MergeRefusedError(failure)
  return new PerSQLError(failure)
}
