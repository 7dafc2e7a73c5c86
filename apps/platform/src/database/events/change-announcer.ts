import type { Engine } from '../engine/engine.ts'
import type { ChangeFeed } from './change-feed/feed.ts'
import type { Webhooks } from './webhooks/delivery-worker.ts'

/** Reports the changes of statements to subscribers. */
export class ChangeAnnouncer {
  readonly #engine: Engine
  readonly #feed: ChangeFeed
  readonly #webhooks: Webhooks

  constructor(engine: Engine, feed: ChangeFeed, webhooks: Webhooks) {
    this.#engine = engine
    this.#feed = feed
    this.#webhooks = webhooks
  }

  /** Reports the changes to the change feed and webhooks in the turn, and so in the transaction, of the change. */
  announce(): void {
    this.store()()
  }

  /**
   * Stores the changes in a transaction over several turns. Returns a function that reports them, for the turn after the commit.
   */
  store(): () => void {
    const changes = this.#engine.takeChanges()
    if (changes.length === 0) return () => {}
    const events = this.#feed.store(changes)
    const webhookIds = this.#webhooks.queue(changes.map((change) => ({ type: 'row.change', ...change })))
    return () => {
      this.#feed.notify(events)
      this.#webhooks.send(webhookIds)
    }
  }
}
