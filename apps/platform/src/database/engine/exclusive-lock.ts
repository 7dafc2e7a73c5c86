import { enforceForeignKeys } from '../versions/copy/load-copy.ts'
import { WriteFreeze } from './write-freeze.ts'

/** The steps before and after a task that holds the lock. */
interface Turn {
  /** Runs in the turn that acquires the lock. */
  readonly begin: () => void
  /** Runs before other calls continue. `changed` says whether all tables can have changed. */
  readonly end: (changed: boolean) => void
}

/**
 * Runs a task with exclusive access to the database and foreign keys off. Other calls wait. Tasks, and copies of the
 * database, have access in the order in which they asked for it.
 */
export class ExclusiveLock {
  readonly #ctx: DurableObjectState
  readonly #transactions: { readonly blocks: boolean; wait(): Promise<void> }
  #held: Promise<void> | undefined
  /** The end of the task that asked last. */
  #last: Promise<void> | undefined
  /** The running copies of the database, which need it to stay in one state. */
  readonly #copies = new WriteFreeze()

  /** @param transactions the transactions that tasks wait for */
  constructor(ctx: DurableObjectState, transactions: { readonly blocks: boolean; wait(): Promise<void> }) {
    this.#ctx = ctx
    this.#transactions = transactions
  }

  /** A promise that resolves when the lock is released; `undefined` while no task holds it. */
  get held(): Promise<void> | undefined {
    return this.#held
  }

  /** A promise that resolves when all tasks that asked for the lock so far have ended; `undefined` without any. */
  get queue(): Promise<void> | undefined {
    return this.#last
  }

  /** Lets tasks wait until the returned function is called, which must happen once. Call it while no task runs. */
  share(): () => void {
    return this.#copies.freeze()
  }

  /**
   * Takes the lock for a transaction over several turns, with foreign keys on: until the returned function is called, what is
   * written can be rolled back. Call it while no task runs.
   */
  hold(): () => void {
    let done = () => {}
    const ended = new Promise<void>((resolve) => {
      done = resolve
    })
    this.#held = ended
    this.#last = ended
    return () => {
      this.#held = undefined
      if (this.#last === ended) this.#last = undefined
      done()
    }
  }

  /**
   * Waits for earlier tasks, running copies and open transactions, then runs `work`. `changes` says whether it can change all
   * tables. If nothing is running, the lock is held immediately.
   * @throws PerSQLError `transaction_busy`, or what `work` throws
   */
  async run<T>(changes: boolean, work: () => T | Promise<T>, { begin, end }: Turn): Promise<T> {
    const before = this.#last
    let done = () => {}
    const ended = new Promise<void>((resolve) => {
      done = resolve
    })
    this.#last = ended
    try {
      if (before) await before
      await this.#waitForOthers()
    } catch (cause) {
      if (this.#last === ended) this.#last = undefined
      done()
      throw cause
    }
    this.#held = ended
    begin()
    const { storage } = this.#ctx
    let changed = false
    try {
      await enforceForeignKeys(storage, false)
      const result = await work()
      changed = changes
      return result
    } finally {
      // If foreign keys can't be turned on again, the object restarts.
      await enforceForeignKeys(storage, true).catch(() => this.#ctx.abort('foreign_keys_off'))
      this.#held = undefined
      if (this.#last === ended) this.#last = undefined
      end(changed)
      done()
    }
  }

  async #waitForOthers(): Promise<void> {
    for (;;) {
      if (this.#copies.frozen) await this.#copies.frozen
      else if (this.#transactions.blocks) await this.#transactions.wait()
      else return
    }
  }
}
