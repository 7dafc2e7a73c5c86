import { PerSQLError } from '@persql/contract'

/** Does work that takes a while in one transaction. The work has to call `checkTime` now and then. */
export type LongTransaction = <T>(work: (checkTime: () => void) => Promise<T>) => Promise<T>

/** The runtime ends an object whose transaction waits for others longer than this, with all that was in its memory. */
export const RUNTIME_LIMIT_S = 30

/** Transactions that give up before the runtime ends the object: then nothing is lost but what they did. */
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

/** As `PerSQLError.from`, which does not know how the runtime says that it ended an object for this. */
export function errorOf(cause: unknown): PerSQLError {
  const error = PerSQLError.from(cause)
  if (error.code !== 'internal' || !String(cause).includes(WAITED)) return error
  return new PerSQLError('took_too_long', { seconds: RUNTIME_LIMIT_S }, { cause })
}

const WAITED = 'blockConcurrencyWhile() in a Durable Object waited for too long'
