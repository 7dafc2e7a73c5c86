import type { Change } from '@persql/contract'
import type { CallCounters } from '../authorizer/counters.ts'
import type { DeferredKeys, KeysMark } from './deferred-keys.ts'
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
interface Caches {
  /** Those of counts. */
  readonly ofRows: readonly Forgetful[]
  /** Those of tables. */
  readonly ofSchema: readonly Forgetful[]
  readonly counters: CallCounters
}

/** Whether an attempt is kept or undone. */
interface Attempted {
  readonly keeps: boolean
}

/** A state to which the engine returns when statements are undone. */
export interface Mark {
  readonly changes: readonly Change[]
  readonly writes: number
  readonly keys: KeysMark
}

/** Undoes statements, with everything that the engine keeps of them. */
export class Attempts {
  readonly #storage: DurableObjectStorage
  readonly #made: Made
  readonly #keys: DeferredKeys
  readonly #caches: Caches

  constructor(storage: DurableObjectStorage, made: Made, keys: DeferredKeys, caches: Caches) {
    this.#storage = storage
    this.#made = made
    this.#keys = keys
    this.#caches = caches
  }

  /** The current state. */
  get mark(): Mark {
    const { changes, writes } = this.#made
    return { changes: [...changes], writes, keys: this.#keys.mark }
  }

  /**
   * Runs `work` in a transaction, which is committed if `work` returns `keeps`. If not, or if it throws, nothing of it remains,
   * and compiled statements stay valid unless the schema changed.
   */
  run<T extends Attempted>(work: () => T): T {
    const { mark } = this
    const finish = { result: undefined as T | undefined }
    try {
      transactionSync(this.#storage, () => {
        finish.result = work()
        if (!finish.result.keeps) throw new Undone()
      })
    } catch (cause) {
      const isUndone = cause instanceof Undone
      this.undone(mark, false, this.#made.hasSchemaRun, isUndone ? 'of_repeated' : 'of_others')
      if (!isUndone) throw cause
    }
    return finish.result as T
  }

  /**
   * Runs one write of a transaction that stays open if the write fails. SQLite's counters then have the values that a failed
   * write leaves. @throws what `write` throws
   */
  runInside<T>(write: () => T): T {
    const { mark } = this
    try {
      return transactionSync(this.#storage, write)
    } catch (cause) {
      this.undone(mark, true, this.#made.hasSchemaRun, 'own')
      throw cause
    }
  }

  /**
   * Returns to the state at `mark`, because the statements since then were rolled back.
   * @param isOpen whether the transaction that contained them is still open
   * @param hasSchemaRun whether they can have changed the schema
   * @param shown whose writes SQLite's counters show: those of the call, with or without repeated ones in the total, or others too
   */
  undone(
    { changes, writes, keys }: Mark,
    isOpen: boolean,
    hasSchemaRun = true,
    shown: 'own' | 'of_repeated' | 'of_others' = 'of_others',
  ): void {
    const { ofRows, ofSchema, counters } = this.#caches
    if (isOpen) this.#keys.restore(keys)
    else this.#keys.forget()
    for (const cache of ofRows) cache.forget()
    // The next schema change can use the same pages for other tables.
    if (hasSchemaRun) for (const cache of ofSchema) cache.forget()
    // The total includes repeated writes.
    if (shown === 'of_repeated') counters.forgetTotal()
    else if (shown === 'of_others') counters.forget()
    this.#made.changes = [...changes]
    this.#made.writes = writes
  }
}

class Undone extends Error {}
