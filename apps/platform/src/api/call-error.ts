import { PerSQLError } from '@persql/contract'
import type { Settings } from '../settings.ts'
import { toTransactionError } from '../storage/runtime-error.ts'

/** Converts the failure of a call of a database that began at `startedMs` to the error that the caller gets. */
export function toCallError(cause: unknown, startedMs: number, { queryTimeoutMs }: Settings): PerSQLError {
  const error = toTransactionError(cause)
  if (error.code === 'took_too_long') return error
  const timedOut = Date.now() - startedMs >= queryTimeoutMs
  if (error.code === 'cell_unavailable' && !timedOut) return error
  return new PerSQLError(timedOut ? 'query_timeout' : 'unavailable', { seconds: queryTimeoutMs / 1000 }, { cause })
}
