/** Server errors that a retry can't fix: not implemented, HTTP version not supported, insufficient storage. */
const LASTING: ReadonlySet<number> = new Set([501, 505, 507])

/** Returns whether trying again can help: not after an error of the caller, which fails the same way again. */
export function canRetry({ status, code }: { status: number; code: string }): boolean {
  // Errors without a response have the status 0. A proxy can also send a page that isn't PerSQL's, with 200.
  if (status < 400 || status > 499) return !LASTING.has(status)
  return status === 408 || status === 429 || code.endsWith('_under_way')
}
