import { ALL } from '../engine/engine.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { WriteFreeze } from '../engine/write-freeze.ts'
import type { ChangeFeed } from '../events/change-feed/feed.ts'
import type { Webhooks } from '../events/webhooks/delivery-worker.ts'
import type { SampleTracker } from '../metering/size/sample-tracker.ts'
import type { SizeTracker } from '../metering/size/size.ts'

/** A part of an object that caches what it read from storage. */
export interface Memory {
  /** Clears the memory, because the content can differ. */
  forget(): void
}

/** The services that tasks with exclusive access use. */
export interface ExclusiveAccessOptions {
  readonly exclusion: ExclusiveLock
  readonly writes: WriteFreeze
  /** Caches of tables, rows and the records stored beside them. */
  readonly caches: readonly Memory[]
  readonly size: SizeTracker
  readonly samples: Pick<SampleTracker, 'sample'>
  readonly feed: ChangeFeed
  readonly webhooks: Webhooks
}

/** Runs tasks that can replace all tables. Afterwards caches are cleared and subscribers notified. */
export class ExclusiveAccess {
  readonly #options: ExclusiveAccessOptions

  constructor(options: ExclusiveAccessOptions) {
    this.#options = options
  }

  /** A promise that resolves when the running task ends; `undefined` without one. */
  get held(): Promise<void> | undefined {
    return this.#options.exclusion.held
  }

  /** A promise that resolves when no copy from or to this object is running; `undefined` without one. */
  get busy(): Promise<void> | undefined {
    const { exclusion, writes } = this.#options
    return exclusion.held ?? writes.frozen
  }

  /** Runs work that can replace all tables, in any order of their foreign keys. Other calls wait. */
  replace<T>(work: () => T | Promise<T>, changes = true): Promise<T> {
    const { exclusion, feed } = this.#options
    return exclusion.run(changes, work, {
      begin: () => {
        if (changes) feed.replacing()
      },
      end: (changed) => this.#replaced(changed),
    })
  }

  /** Runs work like `replace`, after running copies have ended. */
  async runAlone<T>(work: () => Promise<T>, changes = true): Promise<T> {
    for (let busy = this.busy; busy; busy = this.busy) await busy
    return this.replace(work, changes)
  }

  /** Clears the caches; `changed` says whether tables and rows can differ. */
  #replaced(changed: boolean): void {
    const { caches, size, samples, feed, webhooks } = this.#options
    for (const cache of caches) cache.forget()
    if (changed) {
      size.forget()
      // Before the next call can delete rows.
      samples.sample()
    }
    feed.replaced(changed)
    if (changed) webhooks.announce([{ type: 'row.change', ...ALL }])
  }
}
