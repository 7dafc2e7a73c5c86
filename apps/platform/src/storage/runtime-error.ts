import { PerSQLError } from '@persql/contract'

/**
 * The runtime's limit for a transaction that blocks other calls. After it, the runtime restarts the object and its
 * memory is lost.
 */
export const RUNTIME_LIMIT_S = 30

/** Converts an error as `PerSQLError.from` does, and also recognizes the runtime's error for its time limit. */
export function toTransactionError(cause: unknown): PerSQLError {
  const error = PerSQLError.from(cause)
  if (error.code !== 'internal' || !String(cause).includes(WAITED)) return error
  return new PerSQLError('took_too_long', { seconds: RUNTIME_LIMIT_S }, { cause })
}

const WAITED = 'blockConcurrencyWhile() in a Durable Object waited for too long'
