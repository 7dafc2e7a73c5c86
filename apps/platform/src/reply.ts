import { type ErrorCode, PerSQLError } from '@persql/contract'
import type { ContinuedTransaction } from './continued.ts'
import { toTransactionError } from './storage/runtime-error.ts'

/** A finished response. The object that serves the call serializes the body, and the Worker forwards it unchanged. */
export interface Reply {
  readonly status: number
  /** The body, or its start if `rest` follows. */
  readonly body: string
  /** The rest of a body that is too large for a text. */
  readonly rest?: Omit<StreamedText, 'before'>
  /** The error code, for failures that the HTTP side has to act on. */
  readonly code?: ErrorCode
  /** The ID of the log entry with the cause of an `internal` error. */
  readonly errorId?: string
  /** The time in seconds after which the caller can try again, for the `Retry-After` header. */
  readonly retryAfterS?: number
  /** `Idempotency` or `Plan` for an idempotent replay. */
  readonly replayed?: string
  /** The transaction that this call continues alone. It has no other answer yet. */
  readonly continues?: ContinuedTransaction
}

/** The answer to a call: the response's body alone if the call succeeded. */
export type CallAnswer = string | Reply

/** A text whose middle is a stream. */
export interface StreamedText {
  readonly before: string
  readonly stream: ReadableStream<Uint8Array>
  readonly after: string
}

/** Returns the body of a response as text. */
export async function readBody({ body, rest }: Reply): Promise<string> {
  return rest === undefined ? body : `${body}${await new Response(rest.stream).text()}${rest.after}`
}

/** Creates the response to a success. `meta` is sent beside `data`. */
export const succeed = (data: unknown, meta?: object): Reply => ({
  status: 200,
  body: `{"success":true,"data":${JSON.stringify(data)}${meta ? `,"meta":${JSON.stringify(meta)}` : ''}}`,
})

/** Creates the response of an object to a failure. Unknown errors become `internal`, and their cause is logged. */
export function refuse(cause: unknown): Reply {
  const error = toTransactionError(cause)
  if (error.code !== 'internal') return toReply(error)
  const errorId = crypto.randomUUID()
  logInternal(cause, { errorId })
  return { ...toReply(error), errorId }
}

/** Creates the response of the Worker to a request that failed. */
export const refuseRequest = (cause: unknown, requestId: string): Reply => toReply(toRequestError(cause, requestId))

/**
 * Converts a failure to the error that the caller gets. Unknown errors become `internal` with the ID of the request, and
 * their cause is logged with it.
 */
export function toRequestError(cause: unknown, requestId: string): PerSQLError {
  const error = toTransactionError(cause)
  return error.code === 'internal' ? toInternalError(cause, requestId) : error
}

/** Hides any failure behind an `internal` error with the ID of the request, and logs its cause with it. */
export function toInternalError(cause: unknown, requestId: string): PerSQLError {
  logInternal(cause, { requestId })
  return internalError(requestId, cause)
}

/** Adds the ID of the request to an object's response, which can't know it, and to the log. */
export function withRequestId(reply: Reply, requestId: string): Reply {
  if (reply.code !== 'internal') return reply
  logInternal('The cause is in the log entry of the object.', { requestId, errorId: reply.errorId })
  const { message } = internalError(requestId)
  return { ...reply, body: JSON.stringify({ ...(JSON.parse(reply.body) as object), error: message, requestId }) }
}

/** Logs that a namespace failed to respond, where a list is sent without it. */
export function logUnavailable(namespace: string, cause: unknown): void {
  console.error(JSON.stringify({ level: 'error', event: 'namespace_unavailable', namespace, cause: String(cause) }))
}

/** Logs the cause of an internal error. Callers don't get to see it. */
export function logInternal(cause: unknown, ids: Pick<Reply, 'errorId'> & { readonly requestId?: string } = {}): void {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  const at = new Date().toISOString()
  console.error(JSON.stringify({ level: 'error', event: 'internal_error', at, ...ids, cause: text }))
}

/** Statuses whose errors say when to try again, if they know. */
const RETRIED: ReadonlySet<number> = new Set([429, 503])

/** Creates the response to an error that is ready for its caller. */
export const toReply = (error: PerSQLError): Reply => ({
  status: error.status,
  body: JSON.stringify(error),
  code: error.code,
  ...((RETRIED.has(error.status) || error.code === 'transaction_busy') &&
    error.details.seconds !== undefined && { retryAfterS: Number(error.details.seconds) }),
})

const internalError = (requestId: string, cause?: unknown): PerSQLError =>
  new PerSQLError('internal', { requestId }, { extra: { requestId }, cause })
