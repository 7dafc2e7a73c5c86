import { type Lane, lanes } from './key-request.ts'

/** The place of a hash in the queue. */
export interface Turn {
  readonly lane: Lane
  /** Sources of one lane take turns. */
  readonly source: string
  /** The expected time, in any unit. */
  readonly cost: number
}

/** Thrown when a hash has to wait and its queue is full. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'

  constructor() {
    super('Too many hashes are waiting.')
  }
}

interface LaneState {
  readonly waiting: number
  readonly refused: number
}

/** The state of a queue. */
export interface QueueState {
  readonly running: number
  readonly lanes: Readonly<Record<Lane, LaneState>>
}

interface Waiting extends Turn {
  readonly start: () => void
  readonly refuse: (cause: Error) => void
}

/** The number of hashes that can wait for each slot, in each lane. */
const waitingPerSlot = 16

/**
 * Runs at most `slots` hashes in parallel. Lanes share the time equally, not the number of hashes, so neither can
 * starve the other.
 */
export class HashQueue {
  readonly #slots: number
  readonly #lanes: Readonly<Record<Lane, LaneQueue>>
  #running = 0
  /** The used time of the lane that was served last, at its turn. A lane that was idle continues from here. */
  #clock = 0

  constructor(slots: number) {
    this.#slots = slots
    const capacity = slots * waitingPerSlot
    this.#lanes = { account: new LaneQueue(capacity), endpoint: new LaneQueue(capacity) }
  }

  /**
   * Runs `work` when it is its turn. An aborted signal removes it from the queue.
   * @throws QueueFullError, or the reason of the signal
   */
  async run<T>(turn: Turn, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const lane = this.#lanes[turn.lane]
    if (lane.isEmpty) lane.used = Math.max(lane.used, this.#clock)
    if (this.#running < this.#slots) this.#begin(turn)
    else await this.#wait(turn, signal)
    try {
      return await work()
    } finally {
      this.#running--
      this.#startNext()
    }
  }

  /** The running and waiting hashes, and those that were refused so far. */
  get state(): QueueState {
    const { account, endpoint } = this.#lanes
    return { running: this.#running, lanes: { account: account.state, endpoint: endpoint.state } }
  }

  #begin({ lane, cost }: Turn): void {
    this.#running++
    this.#clock = this.#lanes[lane].used
    this.#lanes[lane].used += cost
  }

  #wait(turn: Turn, signal: AbortSignal): Promise<void> {
    const lane = this.#lanes[turn.lane]
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        lane.remove(waiting)
        reject(signal.reason)
      }
      const settle =
        <A extends unknown[]>(then: (...args: A) => void) =>
        (...args: A): void => {
          signal.removeEventListener('abort', leave)
          then(...args)
        }
      const waiting: Waiting = { ...turn, start: settle(resolve), refuse: settle(reject) }
      signal.addEventListener('abort', leave)
      lane.add(waiting)
    })
  }

  #startNext(): void {
    const [lane] = lanes
      .map((name) => this.#lanes[name])
      .filter(({ isEmpty }) => !isEmpty)
      .sort((a, b) => a.used - b.used)
    const next = lane?.take()
    if (!next) return
    this.#begin(next)
    next.start()
  }
}

/**
 * The waiting hashes of one lane. A full queue refuses the newest hash of the source that has the most, so no source
 * can keep others out.
 */
class LaneQueue {
  readonly #capacity: number
  /** In the order of their turns. No list is empty. */
  readonly #bySource = new Map<string, Waiting[]>()
  #size = 0
  #refused = 0
  /** The time that the lane has used. */
  used = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get isEmpty(): boolean {
    return this.#size === 0
  }

  get state(): LaneState {
    return { waiting: this.#size, refused: this.#refused }
  }

  add(waiting: Waiting): void {
    const own = this.#bySource.get(waiting.source)?.length ?? 0
    if (this.#size >= this.#capacity) {
      this.#refused++
      const longest = [...this.#bySource.values()].reduce((a, b) => (b.length > a.length ? b : a))
      if (longest.length <= own + 1) {
        waiting.refuse(new QueueFullError())
        return
      }
      const refused = longest.at(-1) as Waiting
      this.remove(refused)
      refused.refuse(new QueueFullError())
    }
    this.#bySource.set(waiting.source, [...(this.#bySource.get(waiting.source) ?? []), waiting])
    this.#size++
  }

  /** Removes the oldest hash of the next source, whose next turn comes after all others. */
  take(): Waiting | undefined {
    const [next] = this.#bySource
    if (!next) return undefined
    const [source, [first, ...others]] = next
    this.#bySource.delete(source)
    if (others.length > 0) this.#bySource.set(source, others)
    this.#size--
    return first
  }

  remove(waiting: Waiting): void {
    const { source } = waiting
    const before = this.#bySource.get(source) ?? []
    const left = before.filter((each) => each !== waiting)
    if (left.length === before.length) return
    if (left.length > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
    this.#size--
  }
}
