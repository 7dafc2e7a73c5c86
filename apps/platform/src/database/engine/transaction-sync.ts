/**
 * Runs `work` in a transaction that is rolled back if `work` throws. FTS5 keeps new text in memory until a savepoint or a commit.
 * If the transaction created its table, the rollback leaves that text behind; the next commit would write it to tables that don't
 * exist, and the runtime would end the object. A savepoint before the rollback makes FTS5 write it in time.
 */
export function transactionSync<T>(storage: DurableObjectStorage, work: () => T): T {
  return storage.transactionSync(() => {
    try {
      return work()
    } catch (cause) {
      try {
        storage.transactionSync(() => {})
      } catch {
        // Without room, for example. The first failure is the one to report.
      }
      throw cause
    }
  })
}
