import { PerSQLError } from '@persql/contract'

/** Runs long work in one transaction. The work has to call `checkTime` regularly. */
export type LongTransaction = <T>(work: (checkTime: () => void) => Promise<T>) => Promise<T>

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
