import { PerSQLError } from '@persql/contract'
import { DatabaseLocked, RetryRequired } from '../engine/retry-required.ts'

/** The longest that a writer waits for open transactions. */
const WAIT_MS = 15_000
/** The most writers that wait at the same time. */
const MAX_WAITERS = 1_000
const RETRY_S = 1
const FROZEN_POLL_MS = 10

/** Thrown before any effect: the transaction has to wait until it may write, then the call is repeated. */
export class HoldRequired extends RetryRequired {
  /** The ID of the transaction, which holds the database when the call is repeated. */
  readonly transactionId: string

  constructor(transactionId: string) {
    super()
    this.transactionId = transactionId
  }
}

/** Thrown before any effect: the call is repeated in the continuation of its transaction, which holds the database. */
export class ContinueRequired extends RetryRequired {
  readonly transactionId: string

  constructor(transactionId: string) {
    super()
    this.transactionId = transactionId
  }
}

/** The failure of a call that had a transaction open, for the log. */
export class FailedInTransaction extends Error {
  readonly transactionId: string

  constructor(cause: unknown, transactionId: string) {
    super('A call of a transaction failed.', { cause })
    this.transactionId = transactionId
  }
}

/** A writer that waits. */
interface Waiter {
  /** The transaction that will hold the database; `undefined` for a call that only writes. */
  readonly transactionId: string | undefined
  readonly resolve: () => void
}

/**
 * Lets one transaction write until it ends. Other writers wait, in the order in which they arrive. Readers never wait: what the
 * transaction wrote so far is undone at the end of each of its calls.
 */
export class TransactionHold {
  #holder: string | undefined
  #isInside = false
  #isHandingOver = false
  readonly #queue: Waiter[] = []
  readonly #isFrozen: () => boolean

  /**
   * @param isFrozen returns whether a task blocks all writes. It can wait for a transaction, so none takes the database in that
   * time.
   */
  constructor(isFrozen: () => boolean) {
    this.#isFrozen = isFrozen
  }

  /** Whether writes have to wait. */
  get blocks(): boolean {
    return this.#holder !== undefined && !this.#isInside
  }

  /** Returns whether this transaction holds the database, or waits for that. */
  concerns(transactionId: string): boolean {
    return this.#holder === transactionId || this.#isQueued(transactionId)
  }

  /** Returns whether this transaction holds the database. */
  isHeldBy(transactionId: string): boolean {
    return this.#holder === transactionId
  }

  /**
   * Takes the database for a transaction. Returns whether it holds it now.
   * @param overtakes whether it may pass writers that wait, because its call can't be repeated any more
   * @throws DatabaseLocked
   */
  take(transactionId: string, overtakes: boolean): boolean {
    if (this.#holder === transactionId) return true
    if (this.#holder !== undefined) return false
    if (this.#isFrozen()) throw new DatabaseLocked()
    if (!overtakes && (this.#queue.length > 0 || this.#isHandingOver)) return false
    this.#holder = transactionId
    return true
  }

  /** Passes the hold of a transaction that is about to end to the one that its caller opened next. */
  pass(from: string, to: string): void {
    if (this.#holder === from) this.#holder = to
  }

  /** Ends the hold, or the wait, of a transaction. Waiting writers continue after this turn. */
  release(transactionId: string): void {
    const at = this.#queue.findIndex((waiter) => waiter.transactionId === transactionId)
    // The call continues and finds that its transaction has ended.
    if (at >= 0) this.#queue.splice(at, 1)[0]?.resolve()
    if (this.#holder !== transactionId) return
    this.#holder = undefined
    this.#handOver()
  }

  /** Runs statements of the transaction that holds the database. */
  inside<T>(work: () => T): T {
    this.#isInside = true
    try {
      return work()
    } finally {
      this.#isInside = false
    }
  }

  /**
   * Waits until a writer can run. A transaction then holds the database.
   * @throws PerSQLError `transaction_busy`
   */
  async wait(transactionId?: string): Promise<void> {
    if (transactionId === undefined && this.#holder === undefined) return
    if (this.#queue.length >= MAX_WAITERS) throw busy()
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { transactionId, resolve }
        this.#queue.push(waiter)
        timer = setTimeout(() => {
          const at = this.#queue.indexOf(waiter)
          if (at >= 0) this.#queue.splice(at, 1)
          reject(busy())
        }, WAIT_MS)
        if (this.#holder === undefined) this.#handOver()
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until no transaction holds the database. @throws PerSQLError `transaction_busy` */
  async whenFree(): Promise<void> {
    while (this.#holder !== undefined) await this.wait()
  }

  #isQueued(transactionId: string): boolean {
    return this.#queue.some((waiter) => waiter.transactionId === transactionId)
  }

  #handOver(): void {
    if (this.#isHandingOver || this.#queue.length === 0) return
    this.#isHandingOver = true
    // The running call may still write.
    queueMicrotask(() => this.#next())
  }

  #next(): void {
    this.#isHandingOver = false
    if (this.#holder !== undefined) return
    if (this.#queue[0]?.transactionId !== undefined) {
      if (this.#isFrozen()) {
        this.#isHandingOver = true
        setTimeout(() => this.#next(), FROZEN_POLL_MS)
        return
      }
      const first = this.#queue.shift() as Waiter
      this.#holder = first.transactionId
      first.resolve()
      return
    }
    while (this.#queue.length > 0 && this.#queue[0]?.transactionId === undefined) this.#queue.shift()?.resolve()
    if (this.#queue.length === 0) return
    this.#isHandingOver = true
    // These writers run in microtasks, before the next transaction holds the database.
    setTimeout(() => this.#next(), 0)
  }
}

/** Returns the error of a writer that waited too long, or that can't wait. */
export const busy = (): PerSQLError => new PerSQLError('transaction_busy', { seconds: RETRY_S })
