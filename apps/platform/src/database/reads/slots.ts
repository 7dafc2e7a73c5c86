import { PerSQLError } from '@persql/contract'

/** The limit of reads of one namespace that wait. */
const MAX_WAITING = 100
/** The time that a read waits for its turn. */
const MAX_WAIT_MS = 10_000
/** The time after which a read that no longer asks has been given up. */
const GIVEN_UP_MS = 2_000
/** The time after which a read asks again although nothing woke it: the read that was woken can have been given up. */
const POLL_MS = 250
/** The time before a read is refused, so that a client that repeats it immediately takes little of the process's time. */
const REFUSAL_MS = 250
/** The limit of reads that are refused later. */
const MAX_REFUSALS = 1_000

/** Creates the error of a read that waited too long, or that too many others wait with. */
export const tooManyReads = (seconds: number): PerSQLError =>
  new PerSQLError('too_busy', { problem: 'Other long reads of this namespace are running.', seconds })

/** A read that waits for a reader. */
interface Waiting {
  readonly namespace: string
  readonly database: string
  askedAtMs: number
  /** Makes it ask again. */
  wake: () => void
}

/** A reader that runs one read. */
export interface Slot {
  readonly reader: number
  /** Gives the reader back. `endedRun` is the process that was ended, which must not be used again. */
  release(endedRun?: string): void
}

/**
 * The readers of this process, shared by all databases. A database uses one at a time and a namespace at most two, and
 * never the last one while others wait.
 */
export class ReaderSlots {
  readonly #free: number[]
  readonly #count: number
  readonly #running: { readonly namespace: string; readonly database: string }[] = []
  /** In the order of their arrival. */
  readonly #waiting = new Set<Waiting>()
  #refusals = 0
  /** The processes that were ended, by reader. */
  readonly ended: (string | undefined)[] = []

  constructor(count: number) {
    this.#count = count
    this.#free = Array.from({ length: count }, (_, index) => index)
  }

  /** The number of reads that wait. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Waits for a reader. `check` runs while it waits, and can throw to end that.
   * @throws PerSQLError `too_busy`, or what `check` throws
   */
  async acquire(namespace: string, database: string, check: () => void): Promise<Slot> {
    const waiting = [...this.#waiting].filter((each) => each.namespace === namespace)
    if (waiting.length >= MAX_WAITING) throw await this.#refuse()
    const ticket: Waiting = { namespace, database, askedAtMs: Date.now(), wake: () => {} }
    this.#waiting.add(ticket)
    try {
      const untilMs = Date.now() + MAX_WAIT_MS
      for (;;) {
        const slot = this.#take(ticket)
        if (slot) return slot
        if (Date.now() > untilMs) throw tooManyReads(5)
        await waitForTurn(ticket)
        check()
      }
    } finally {
      this.#waiting.delete(ticket)
      this.#wakeNext()
    }
  }

  /** Returns the error of a read that too many others wait with, after a time. */
  async #refuse(): Promise<PerSQLError> {
    if (this.#refusals < MAX_REFUSALS) {
      this.#refusals++
      await new Promise((resolve) => setTimeout(resolve, REFUSAL_MS))
      this.#refusals--
    }
    return tooManyReads(1)
  }

  /** Wakes the read whose turn it is, in one pass. When it has a reader, it wakes the next one. */
  #wakeNext(): void {
    if (this.#free.length === 0) return
    const nowMs = Date.now()
    let next: { readonly ticket: Waiting; readonly runs: number } | undefined
    for (const ticket of this.#waiting) {
      if (nowMs - ticket.askedAtMs >= GIVEN_UP_MS || !this.#mayRun(ticket)) continue
      const runs = this.#runs(ticket.namespace)
      if (next === undefined || runs < next.runs) next = { ticket, runs }
    }
    next?.ticket.wake()
  }

  #take(ticket: Waiting): Slot | undefined {
    const nowMs = Date.now()
    ticket.askedAtMs = nowMs
    if (!this.#isNext(ticket, nowMs)) return undefined
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
        this.#wakeNext()
      },
    }
  }

  #isNext(ticket: Waiting, nowMs: number): boolean {
    // Most reads have to wait, so that answer is the cheapest.
    if (this.#free.length === 0 || !this.#mayRun(ticket)) return false
    return this.#countAhead(ticket, nowMs) < this.#free.length
  }

  #mayRun({ namespace, database }: Waiting): boolean {
    const ofNamespace = this.#running.filter((each) => each.namespace === namespace)
    if (ofNamespace.some((each) => each.database === database)) return false
    return ofNamespace.length < Math.min(2, Math.max(1, this.#count - 1))
  }

  /**
   * Returns the number of reads that come first: those of namespaces with fewer running reads, and those that waited
   * longer.
   */
  #countAhead(ticket: Waiting, nowMs: number): number {
    const runs = this.#runs(ticket.namespace)
    let ahead = 0
    let isEarlier = true
    for (const each of this.#waiting) {
      if (each === ticket) isEarlier = false
      else if (nowMs - each.askedAtMs < GIVEN_UP_MS && this.#mayRun(each)) {
        const others = this.#runs(each.namespace)
        if (others < runs || (others === runs && isEarlier)) ahead++
      }
    }
    return ahead
  }

  #runs(namespace: string): number {
    return this.#running.filter((each) => each.namespace === namespace).length
  }
}

/** Resolves when the read is woken, or after some time. */
async function waitForTurn(ticket: Waiting): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  await new Promise<void>((resolve) => {
    ticket.wake = resolve
    timer = setTimeout(resolve, POLL_MS)
  })
  clearTimeout(timer)
}
