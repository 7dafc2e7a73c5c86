import { enforceForeignKeys } from '../versions/copy/load-copy.ts'

/** Runs a task with exclusive access to the database and foreign keys off. Other calls wait. */
export class ExclusiveLock {
  readonly #ctx: DurableObjectState
  readonly #over: (changed: boolean) => void
  #held: Promise<void> | undefined

  /** @param over runs at the end, before other calls continue; its argument says whether all tables can have changed */
  constructor(ctx: DurableObjectState, over: (changed: boolean) => void) {
    this.#ctx = ctx
    this.#over = over
  }

  /** A promise that resolves when the lock is released; `undefined` while no task holds it. */
  get held(): Promise<void> | undefined {
    return this.#held
  }

  /**
   * Waits for the lock, then runs `work`.
   * @param begin runs in the turn that acquires the lock
   */
  async run<T>(changes: boolean, work: () => T | Promise<T>, begin: () => void = () => {}): Promise<T> {
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
      this.#over(changed)
      done()
    }
  }
}
