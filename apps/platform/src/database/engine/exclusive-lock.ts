import { enforceForeignKeys } from '../versions/copy/load-copy.ts'

/** The steps before and after a task that holds the lock. */
interface Turn {
  /** Runs in the turn that acquires the lock. */
  readonly begin: () => void
  /** Runs before other calls continue. `changed` says whether all tables can have changed. */
  readonly end: (changed: boolean) => void
}

/** Runs a task with exclusive access to the database and foreign keys off. Other calls wait. */
export class ExclusiveLock {
  readonly #ctx: DurableObjectState
  #held: Promise<void> | undefined

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx
  }

  /** A promise that resolves when the lock is released; `undefined` while no task holds it. */
  get held(): Promise<void> | undefined {
    return this.#held
  }

  /** Waits for the lock, then runs `work`. `changes` says whether it can change all tables. */
  async run<T>(changes: boolean, work: () => T | Promise<T>, { begin, end }: Turn): Promise<T> {
    while (this.#held) await this.#held
    let done = () => {}
    this.#held = new Promise((resolve) => {
      done = resolve
    })
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
      end(changed)
      done()
    }
  }
}
