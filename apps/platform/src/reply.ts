import type { ErrorCode } from '@persql/contract'
import { errorOf } from './storage/long-transaction.ts'

/** A finished answer: the body is serialised where it was made, and passed on as it is. */
export interface Reply {
  readonly status: number
  readonly body: string
  /** For refusals: what the HTTP side must still do something about. */
  readonly code?: ErrorCode
  /** `Idempotency` or `Plan` when the answer was kept from an earlier call. */
  readonly replayed?: string
}

/** The answer to a success; `meta` stands beside `data`. */
export const succeed = (data: unknown, meta?: object): Reply => ({
  status: 200,
  body: `{"success":true,"data":${JSON.stringify(data)}${meta ? `,"meta":${JSON.stringify(meta)}` : ''}}`,
})

/** The answer to a failure. What is not in the table becomes `internal`; the cause of a failure of ours goes to the log. */
export function refuse(cause: unknown): Reply {
  const error = errorOf(cause)
  if (error.code === 'internal') logInternal(cause)
  return { status: error.status, body: JSON.stringify(error), code: error.code }
}

/** Logs that a namespace does not answer, where others are listed without it. */
export function logUnavailable(namespace: string, cause: unknown): void {
  console.error(JSON.stringify({ level: 'error', event: 'namespace_unavailable', namespace, cause: String(cause) }))
}

/** Logs the cause of a failure of ours, which callers do not get to see. */
export function logInternal(cause: unknown): void {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  console.error(JSON.stringify({ level: 'error', event: 'internal_error', at: new Date().toISOString(), cause: text }))
}
