/** Server errors that a retry can't fix: not implemented, HTTP version not supported, insufficient storage. */
const LASTING: ReadonlySet<number> = new Set([501, 505, 507])

/** Server errors that last until the operator acts. */
const LASTING_CODES: ReadonlySet<string> = new Set(['database_damaged', 'model_unavailable', 'payments_unavailable'])

/** Errors of the caller that pass: something else has to end first. */
const PASSING = /^(database_deleting|\w+_under_way)$/

/**
 * Returns whether trying again can help: not after an error of the caller, which fails the same way again, nor after a
 * statement that takes longer than it may.
 */
export function canRetry({ status, code }: { status: number; code: string }): boolean {
  // Errors without a response have the status 0. A proxy can also send a page that isn't PerSQL's, with 200.
  if (status < 400 || status > 499) return !LASTING.has(status) && !LASTING_CODES.has(code)
  return status === 429 || (status === 408 && code !== 'query_timeout') || PASSING.test(code)
}
