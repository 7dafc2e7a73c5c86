import type { CallArguments } from '../../continued.ts'
import { type CallAnswer, refuse } from '../../reply.ts'
import type { Grant, StatementInput } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import { transactionSync } from '../engine/transaction-sync.ts'
import type { LeaseClient } from '../metering/lease.ts'
import type { TransactionHold } from './hold.ts'
import { Inside, type Leave } from './inside.ts'
import type { CallSource } from './mailbox.ts'
import type { OpenTransaction } from './open-transaction.ts'
import { failAgain } from './repeated-run.ts'
import type { EndReason, Transactions } from './transactions.ts'

/** The services of the database that continued transactions use. */
export interface ContinuationServices {
  readonly storage: DurableObjectStorage
  readonly engine: Engine
  readonly exclusion: ExclusiveLock
  readonly hold: TransactionHold
  readonly transactions: Transactions
  /** Runs a call inside. */
  readonly serve: (call: CallArguments, inside: Inside) => CallAnswer | Promise<CallAnswer>
  /** Returns the stream of the libSQL protocol that has a transaction open. */
  readonly findStream: (transactionId: string) => string | undefined
  readonly lease: Pick<LeaseClient, 'reportAhead'>
  /** Checks the size of the database after its writes. */
  readonly hasWritten: (durationMs: number) => void
}

/** How the transaction ends: with the answer to a call, for a reason, or in the middle of a call. */
interface Ending extends Leave {
  readonly answer?: CallAnswer
  readonly reason?: EndReason
}

const nothing = () => {}

/**
 * An interactive transaction that continues as one of the file, in the runtime's asynchronous transaction. Nothing else runs in
 * the object until it ends, so its calls arrive through another object.
 */
export class Continuation {
  readonly #services: ContinuationServices
  readonly #transaction: OpenTransaction
  readonly #source: CallSource
  readonly #inside: Inside

  constructor(services: ContinuationServices, transaction: OpenTransaction, source: CallSource) {
    this.#services = services
    this.#transaction = transaction
    this.#source = source
    this.#inside = new Inside(transaction.id)
  }

  /** Runs it, beginning with the call that can't run otherwise. Returns the answer to its last call, if that has none yet. */
  async run(first: CallArguments): Promise<CallAnswer | undefined> {
    const { engine, exclusion, transactions, hasWritten } = this.#services
    const { mark } = engine.attempts
    const [inside, transaction] = [this.#inside, this.#transaction]
    const startedMs = performance.now()
    transaction.inside = inside
    const release = exclusion.hold()
    let ending: Ending | undefined
    try {
      ending = await this.#transact(0, () => this.#repeat(first, transaction.inputs, transaction.savepoints))
    } finally {
      inside.isRunning = false
      release()
      // Without an ending, what hands over the calls has ended.
      if (!ending) {
        engine.attempts.undone(mark, false)
        transactions.end(transaction)
      }
    }
    if (ending.how === 'keep') inside.report()
    const isOver = ending.answer !== undefined || ending.reason !== undefined
    if (isOver && transaction.isContinued) transactions.end(transaction, ending.reason)
    if (ending.how === 'keep') hasWritten(performance.now() - startedMs)
    if (isOver) return ending.answer
    ending.done()
    return this.#finishCall()
  }

  /** Runs the rest of a call that rolled the transaction back. */
  async #finishCall(): Promise<CallAnswer> {
    for (;;) {
      const event = await this.#inside.next()
      if (event.kind === 'answered') return event.answer
      event.done()
    }
  }

  /** Runs the writes of earlier calls once more, with their savepoints, and then the calls. */
  async #repeat(
    first: CallArguments,
    inputs: readonly StatementInput[],
    savepoints: readonly number[],
    from = 0,
    level = 0,
  ): Promise<Ending> {
    const { engine, hold } = this.#services
    const until = savepoints[level] ?? inputs.length
    const grant = JSON.parse(first[2]) as Grant
    const rerun = () => {
      for (const input of inputs.slice(from, until)) engine.run(engine.prepare(input, grant), input, true)
      if (level === savepoints.length) failAgain(this.#transaction, engine, grant)
    }
    try {
      if (level === 0) engine.begin()
      engine.countTotal()
      engine.repeat(() => hold.inside(() => engine.runExclusive(rerun)))
    } catch (cause) {
      // For example, the role of the token is lower now.
      return { level: 0, how: 'undo', done: nothing, answer: refuse(cause) }
    }
    if (level < savepoints.length) {
      const work = () => this.#repeat(first, inputs, savepoints, until, level + 1)
      return (await this.#open(level + 1, work)) ?? this.#pump(level)
    }
    this.#transaction.continue()
    this.#start(first)
    return this.#pump(level)
  }

  #start(call: CallArguments): void {
    const inside = this.#inside
    const serve = async () => this.#services.serve(call, inside)
    serve().then(
      (answer) => inside.answered(answer),
      (cause) => inside.answered(refuse(cause)),
    )
  }

  /** Runs calls until a level ends. */
  async #pump(level: number): Promise<Ending> {
    for (;;) {
      const event = await this.#inside.next()
      if (event.kind === 'leave') return event
      const ending = event.kind === 'open' ? await this.#openFor(level + 1, event.done) : await this.#next(event.answer)
      if (ending) return ending
    }
  }

  /** Starts the next call. Returns the end of the transaction if no call follows. */
  async #next(answer: CallAnswer): Promise<Ending | undefined> {
    const { isCommitting, isAbandoned } = this.#inside
    if (isCommitting) return { level: 0, how: 'keep', done: nothing, answer }
    if (isAbandoned) return { level: 0, how: 'undo', done: nothing, answer }
    try {
      await this.#services.lease.reportAhead()
    } catch (cause) {
      return { level: 0, how: 'undo', done: nothing, answer: refuse(cause) }
    }
    const next = await this.#source.next(answer, this.#services.findStream(this.#transaction.id))
    if (next.reason !== undefined) return { level: 0, how: 'undo', done: nothing, reason: next.reason }
    this.#start(next.call)
    return undefined
  }

  #openFor(level: number, opened: () => void): Promise<Ending | undefined> {
    return this.#open(level, () => {
      opened()
      return this.#pump(level)
    })
  }

  /** Runs the level of a savepoint. Returns the end of an outer level, if that ended too. */
  async #open(level: number, work: () => Promise<Ending>): Promise<Ending | undefined> {
    const ending = await this.#transact(level, work)
    if (ending.level < level) return ending
    if (ending.how === 'again') return this.#openFor(level, ending.done)
    ending.done()
    return undefined
  }

  #transact(level: number, work: () => Promise<Ending>): Promise<Ending> {
    const { storage, engine } = this.#services
    const { mark } = engine.attempts
    return storage.transaction(async (transaction) => {
      const ending = await work()
      if (ending.how === 'keep') return ending
      try {
        // FTS5 writes its text, as in `transactionSync`.
        transactionSync(storage, nothing)
      } catch {
        // Without room, for example.
      }
      transaction.rollback()
      engine.attempts.undone(mark, level > 0, true, level > 0 ? 'own' : 'of_others')
      return ending
    })
  }
}
