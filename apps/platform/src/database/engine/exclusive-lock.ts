import { enforceForeignKeys } from '../versions/copy/load-copy.ts'

/** Lets something have the database for itself, with foreign keys not enforced: nothing else is served meanwhile. */
export class ExclusiveLock {
  readonly #ctx: DurableObjectState
  readonly #over: (changed: boolean) => void
  #held: Promise<void> | undefined

  /** @param over is told when it is over, before others go on: whether all tables may be others by now */
  constructor(ctx: DurableObjectState, over: (changed: boolean) => void) {
    this.#ctx = ctx
    this.#over = over
  }

  /** Resolves when it is over, while something has the database for itself. */
  get held(): Promise<void> | undefined {
    return this.#held
  }

  /** @param begin is called in the turn in which nobody else is served any more */
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
      // An object that cannot enforce them any more starts afresh.
      await enforceForeignKeys(storage, true).catch(() => this.#ctx.abort('foreign_keys_off'))
      this.#held = undefined
      this.#over(changed)
      done()
    }
  }
}
