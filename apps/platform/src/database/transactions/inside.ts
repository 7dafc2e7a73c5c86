import type { CallAnswer } from '../../reply.ts'

/** A request of the session to the transaction that it runs in. Level 0 is the transaction, and each savepoint has the next level. */
type Request =
  | { readonly kind: 'open'; readonly done: () => void }
  | { readonly kind: 'leave'; readonly level: number; readonly how: Leave['how']; readonly done: () => void }

/** How a level ends. `again` undoes it and opens it again. */
export interface Leave {
  readonly level: number
  readonly how: 'keep' | 'undo' | 'again'
  readonly done: () => void
}

/** The end of a call in the transaction. */
interface Answered {
  readonly kind: 'answered'
  readonly answer: CallAnswer
}

export type InsideEvent = Request | Answered

/**
 * The inside of a continued transaction, between the session that runs its statements and what holds the transaction open. The
 * session can't open and end savepoints itself: each is a nested transaction, which lasts until its function returns.
 */
export class Inside {
  readonly transactionId: string
  /** Whether the transaction of the file is open. */
  isRunning = true
  /** Whether it is committed after the current call. */
  isCommitting = false
  /** Whether it is rolled back after the current call. */
  isAbandoned = false
  /** Reports the committed changes. */
  report = () => {}
  readonly #events: InsideEvent[] = []
  #wake: (() => void) | undefined

  constructor(transactionId: string) {
    this.transactionId = transactionId
  }

  /** Opens the level of a savepoint. */
  openLevel(): Promise<void> {
    return new Promise((done) => this.#add({ kind: 'open', done }))
  }

  /** Keeps or undoes what was written since a level was opened. Level 0 undone is the whole transaction, which ends then. */
  leave(level: number, how: Leave['how']): Promise<void> {
    return new Promise((done) => this.#add({ kind: 'leave', level, how, done }))
  }

  answered(answer: CallAnswer): void {
    this.#add({ kind: 'answered', answer })
  }

  /** Returns the next event. */
  async next(): Promise<InsideEvent> {
    for (;;) {
      const event = this.#events.shift()
      if (event) return event
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #add(event: InsideEvent): void {
    this.#events.push(event)
    this.#wake?.()
  }
}
