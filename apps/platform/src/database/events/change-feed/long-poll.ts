import { limitReached } from '../../../storage/limit-reached.ts'
import type { ChangeFeed, FeedEvent } from './feed.ts'
import type { concerns } from './table-filter.ts'

const MAX_WAITING = 1_000

/** The open long-poll requests. */
export class LongPollers {
  readonly #feed: ChangeFeed
  readonly #ends = new Set<() => void>()

  constructor(feed: ChangeFeed) {
    this.#feed = feed
  }

  /**
   * Returns the events of the next commit that concerns the caller, or none after the timeout. @throws PerSQLError
   * `limit_reached`
   */
  next(wanted: ReturnType<typeof concerns>, timeoutMs: number): Promise<readonly FeedEvent[]> {
    if (this.#ends.size >= MAX_WAITING) {
      throw limitReached(MAX_WAITING, 'requests waiting for changes', 'Try again when one of them ends.')
    }
    return new Promise((resolve) => {
      const finish = (events: readonly FeedEvent[]) => {
        clearTimeout(timer)
        leave()
        this.#ends.delete(end)
        resolve(events)
      }
      const end = () => finish([])
      const leave = this.#feed.listen((events) => {
        if (events.some(wanted)) finish(events.filter(wanted))
      })
      const timer = setTimeout(end, timeoutMs)
      this.#ends.add(end)
    })
  }

  /** Ends all requests: the database was deleted. */
  end(): void {
    for (const end of [...this.#ends]) end()
  }
}
