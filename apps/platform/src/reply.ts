import type { ErrorCode } from '@persql/contract'
import { errorOf } from './storage/long-transaction.ts'

/** A finished response. The object that serves the call serializes the body, and the Worker forwards it unchanged. */
export interface Reply {
  readonly status: number
  readonly body: string
  /** The error code, for failures that the HTTP side has to act on. */
  readonly code?: ErrorCode
  /** `Idempotency` or `Plan` for an idempotent replay. */
  readonly replayed?: string
}

/** Creates the response to a success. `meta` is sent beside `data`. */
export const succeed = (data: unknown, meta?: object): Reply => ({
  status: 200,
  body: `{"success":true,"data":${JSON.stringify(data)}${meta ? `,"meta":${JSON.stringify(meta)}` : ''}}`,
})

/** Creates the response to a failure. Unknown errors become `internal`, and their cause is logged. */
export function refuse(cause: unknown): Reply {
  const error = errorOf(cause)
  if (error.code === 'internal') logInternal(cause)
  return { status: error.status, body: JSON.stringify(error), code: error.code }
}

/** Logs that a namespace failed to respond, where a list is sent without it. */
export function logUnavailable(namespace: string, cause: unknown): void {
  console.error(JSON.stringify({ level: 'error', event: 'namespace_unavailable', namespace, cause: String(cause) }))
}

/** Logs the cause of an internal error. Callers don't get to see it. */
export function logInternal(cause: unknown): void {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  console.error(JSON.stringify({ level: 'error', event: 'internal_error', at: new Date().toISOString(), cause: text }))
}
