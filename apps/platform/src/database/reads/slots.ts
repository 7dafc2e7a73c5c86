import { PerSQLError } from '@persql/contract'

/** The limit of reads of one namespace that wait. */
const MAX_WAITING = 100
/** The time that a read waits for its turn. */
const MAX_WAIT_MS = 10_000
/** The time after which a read that no longer asks has been given up. */
const GIVEN_UP_MS = 2_000
const FIRST_POLL_MS = 2
const LAST_POLL_MS = 40

/** Creates the error of a read that waited too long, or that too many others wait with. */
export const tooManyReads = (seconds: number): PerSQLError =>
  new PerSQLError('too_busy', { problem: 'Other long reads of this namespace are running.', seconds })

/** A read that waits for a reader. */
interface Waiting {
  readonly namespace: string
  readonly database: string
  askedAtMs: number
}

/** A reader that runs one read. */
export interface Slot {
  readonly reader: number
  /** Gives the reader back. `endedRun` is the process that was ended, which must not be used again. */
  release(endedRun?: string): void
}

/**
 * The readers of this process, shared by all databases. A database uses one at a time and a namespace at most two, and
 * never the last one while others wait. Reads ask again and again, because the runtime lets no request wake another.
 */
export class ReaderSlots {
  readonly #free: number[]
  readonly #count: number
  readonly #running: { readonly namespace: string; readonly database: string }[] = []
  #waiting: Waiting[] = []
  /** The processes that were ended, by reader. */
  readonly ended: (string | undefined)[] = []

  constructor(count: number) {
    this.#count = count
    this.#free = Array.from({ length: count }, (_, index) => index)
  }

  /**
   * Waits for a reader. `check` runs while it waits, and can throw to end that.
   * @throws PerSQLError `too_busy`, or what `check` throws
   */
  async acquire(namespace: string, database: string, check: () => void): Promise<Slot> {
    const waiting = this.#waiting.filter((each) => each.namespace === namespace).length
    if (waiting >= MAX_WAITING) throw tooManyReads(1)
    const ticket: Waiting = { namespace, database, askedAtMs: Date.now() }
    this.#waiting.push(ticket)
    try {
      const untilMs = Date.now() + MAX_WAIT_MS
      for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LAST_POLL_MS, pollMs * 1.5)) {
        const slot = this.#take(ticket)
        if (slot) return slot
        if (Date.now() > untilMs) throw tooManyReads(5)
        await scheduler.wait(pollMs)
        check()
      }
    } finally {
      this.#waiting = this.#waiting.filter((each) => each !== ticket)
    }
  }

  #take(ticket: Waiting): Slot | undefined {
    const nowMs = Date.now()
    ticket.askedAtMs = nowMs
    this.#waiting = this.#waiting.filter(({ askedAtMs }) => nowMs - askedAtMs < GIVEN_UP_MS)
    if (!this.#waiting.includes(ticket)) this.#waiting.push(ticket)
    if (this.#free.length === 0 || !this.#mayRun(ticket)) return undefined
    const ahead = this.#waiting.filter((each) => each !== ticket && this.#mayRun(each) && this.#isBefore(each, ticket))
    if (ahead.length >= this.#free.length) return undefined
    const running = { namespace: ticket.namespace, database: ticket.database }
    this.#running.push(running)
    const reader = this.#free.shift() as number
    let isReleased = false
    return {
      reader,
      release: (endedRun) => {
        if (isReleased) return
        isReleased = true
        this.#running.splice(this.#running.indexOf(running), 1)
        if (endedRun !== undefined) this.ended[reader] = endedRun
        // A reader that was ended takes a moment to come back.
        if (endedRun === undefined) this.#free.unshift(reader)
        else this.#free.push(reader)
      },
    }
  }

  #mayRun({ namespace, database }: Waiting): boolean {
    const ofNamespace = this.#running.filter((each) => each.namespace === namespace)
    if (ofNamespace.some((each) => each.database === database)) return false
    return ofNamespace.length < Math.min(2, Math.max(1, this.#count - 1))
  }

  /** Namespaces with fewer running reads come first, then those that waited longer. */
  #isBefore(one: Waiting, other: Waiting): boolean {
    const [a, b] = [this.#runs(one.namespace), this.#runs(other.namespace)]
    return a === b ? this.#waiting.indexOf(one) < this.#waiting.indexOf(other) : a < b
  }

  #runs(namespace: string): number {
    return this.#running.filter((each) => each.namespace === namespace).length
  }
}
