import { PerSQLError } from '@persql/contract'

/** Runs long work in one transaction. The work has to call `checkTime` regularly. */
export type LongTransaction = <T>(work: (checkTime: () => void) => Promise<T>) => Promise<T>

/**
 * The runtime's limit for a transaction that blocks other calls. After it, the runtime restarts the object and its
 * memory is lost.
 */
export const RUNTIME_LIMIT_S = 30

/** Creates transactions that fail before the runtime's limit, so that only their own work is rolled back. */
export function longTransactions(storage: DurableObjectStorage, timeoutMs: number): LongTransaction {
  return (work) => {
    const startedMs = performance.now()
    return storage.transaction(() =>
      work(() => {
        if (performance.now() - startedMs < timeoutMs) return
        throw new PerSQLError('took_too_long', { seconds: timeoutMs / 1000 })
      }),
    )
  }
}

/** Converts an error as `PerSQLError.from` does, and also recognizes the runtime's error for its time limit. */
export function errorOf(cause: unknown): PerSQLError {
  const error = PerSQLError.from(cause)
  if (error.code !== 'internal' || !String(cause).includes(WAITED)) return error
  return new PerSQLError('took_too_long', { seconds: RUNTIME_LIMIT_S }, { cause })
}

const WAITED = 'blockConcurrencyWhile() in a Durable Object waited for too long'
