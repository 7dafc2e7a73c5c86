import type { Change } from '@persql/contract'
import type { CallCounters } from '../authorizer/counters.ts'
import { transactionSync } from './transaction-sync.ts'

/** A record of the statements that the engine ran. */
export interface Made {
  /** Changes since they were last taken. */
  changes: Change[]
  /** The number of writes that ran, except those of undone runs. */
  writes: number
  /** Whether the schema changed in the current call, even if that was undone. */
  hasSchemaRun: boolean
}

/** A cache that a rollback makes invalid. */
interface Forgetful {
  forget(): void
}

/** The caches of the engine that a rollback makes invalid. */
export interface Caches {
  /** Those of counts and keys. */
  readonly ofRows: readonly Forgetful[]
  /** Those of tables. */
  readonly ofSchema: readonly Forgetful[]
  readonly counters: CallCounters
}

/** Whether an attempt is kept or undone. */
export interface Attempted {
  readonly keeps: boolean
}

/**
 * Runs `work` in a transaction, which is committed if `work` returns `keeps`. If not, or if it throws, nothing of it remains,
 * and compiled statements stay valid unless the schema changed.
 */
export function attempt<T extends Attempted>(
  storage: DurableObjectStorage,
  made: Made,
  caches: Caches,
  work: () => T,
): T {
  const { writes } = made
  const changes = [...made.changes]
  const finish = { result: undefined as T | undefined }
  try {
    transactionSync(storage, () => {
      finish.result = work()
      if (!finish.result.keeps) throw new Undone()
    })
  } catch (cause) {
    for (const cache of caches.ofRows) cache.forget()
    // The next schema change can use the same pages for other tables.
    if (made.hasSchemaRun) for (const cache of caches.ofSchema) cache.forget()
    made.changes = changes
    made.writes = writes
    if (cause instanceof Undone) {
      // SQLite's counters of the last write stay after a rollback, and its total includes repeated writes.
      caches.counters.forgetTotal()
      return finish.result as T
    }
    caches.counters.forget()
    throw cause
  }
  return finish.result as T
}

class Undone extends Error {}
