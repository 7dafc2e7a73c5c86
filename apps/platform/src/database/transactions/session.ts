import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../authorizer/authorizer.ts'
import type { Grant, StatementInput } from '../calls/call.ts'
import type { Result } from '../engine/result.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import { type Control, parseControl } from './control.ts'
import { busy, ContinueRequired, HoldRequired } from './hold.ts'
import type { Inside } from './inside.ts'
import { type OpenTransaction, sqlRefusal, type TransactionMark } from './open-transaction.ts'
import { EMPTY, type Given, give, type Next, type Program, type Todo } from './program.ts'
import { assertEndsAlone, assertNotRandom, cannotRepeatRandom } from './repeatable.ts'
import { failAgain, type Performed, performControl, RepeatFailed, type Run, repeatWrites } from './repeated-run.ts'
import { type InsideCaller, runInside } from './run-inside.ts'
import type { SessionOptions, SessionServices, SessionUse } from './session-options.ts'

/** The state of a transaction that was just opened. */
const OPENED: TransactionMark = { writes: [], savepoints: [], seen: undefined, isDoomed: false }

/**
 * Runs the statements of a client with its transactions, as one connection of SQLite would. Outside of a transaction, each
 * statement commits. Consecutive statements of a transaction share one run, which begins with the writes of earlier calls and
 * is undone at the end of the call, or kept by COMMIT.
 */
export class Session {
  readonly used: SessionUse = { rowsRead: 0, rowsWritten: 0, statementCount: 0, sql: [] }
  readonly #services: SessionServices
  readonly #grant: Grant
  readonly #endsAll: boolean
  readonly #canContinue: boolean
  readonly #inside: Inside | undefined
  #ticket: string | undefined
  /** Whether the call had to wait before, so that it may pass others now. */
  readonly #hasWaited: boolean
  #transaction: OpenTransaction | undefined
  /** Whether a statement of this call was committed, so that the call can't be repeated. */
  #hasApplied = false
  /** Whether the call can be repeated while it has committed nothing. */
  readonly #canRepeat: boolean

  constructor(services: SessionServices, options: SessionOptions) {
    const { grant, transaction, ticket, endsAll = false, canContinue = false, inside } = options
    this.#services = services
    this.#grant = grant
    this.#transaction = transaction
    this.#endsAll = endsAll
    this.#canContinue = canContinue
    this.#inside = inside
    // It names this transaction, or the one that the program opens first.
    this.#ticket = transaction ? undefined : ticket
    this.#hasWaited = ticket !== undefined
    this.#canRepeat = inside === undefined
  }

  /** The open transaction. */
  get transaction(): OpenTransaction | undefined {
    return this.#transaction
  }

  /** Whether no transaction is open. */
  get isAutocommit(): boolean {
    return this.#transaction === undefined
  }

  /** Whether a statement was committed. */
  get hasApplied(): boolean {
    return this.#hasApplied
  }

  /**
   * Reports the destructive statements before the first one runs. Call it for a call that commits more than once, or commits a
   * transaction after other statements.
   */
  precheck(inputs: readonly StatementInput[]): void {
    const all = [...(this.#transaction?.inputs ?? []), ...inputs]
    this.#services.engine.precheckDestructive(all, this.#grant)
  }

  /** Lets statements outside of a transaction read `total_changes()`. Call it before the first one. */
  countTotal(): void {
    this.#services.engine.countTotal()
  }

  /**
   * Runs a program, and continues with its result or with what it throws: in the same turn, unless it runs in a continued
   * transaction.
   */
  perform<T, R>(
    program: Program<T>,
    done: (result: T) => R | Promise<R>,
    failed: (cause: unknown) => R | Promise<R>,
  ): R | Promise<R> {
    if (this.#inside?.isRunning) return runInside(program, this.#inside, this.#asCaller()).then(done, failed)
    let result: T
    try {
      result = this.run(program)
    } catch (cause) {
      return failed(cause)
    }
    return done(result)
  }

  /** Runs a program. A transaction that it leaves open continues in a later call. @throws what the program throws */
  run<T>(program: Program<T>): T {
    const { transactions } = this.#services
    const before = this.#transaction
    const mark = before?.mark
    try {
      let next = program.next()
      while (!next.done) next = this.#run(program, next.value)
      return next.value
    } catch (cause) {
      if (cause instanceof RetryRequired) {
        const opened = this.#transaction === before ? undefined : this.#transaction
        // The repeated call finds a transaction that is continued, and that holds the database until then.
        if (opened && cause instanceof ContinueRequired) opened.reset(OPENED)
        else if (opened) transactions.end(opened)
        if (before && mark) before.reset(mark)
        this.#transaction = before
      }
      throw cause
    } finally {
      if (this.#transaction) transactions.used(this.#transaction)
    }
  }

  /** Runs a statement, and those after it in the same transaction. */
  #run<T>(program: Program<T>, input: StatementInput): Next<T> {
    return this.#transaction ? this.#runOpen(program, this.#transaction, input) : this.#runAlone(program, input)
  }

  /** The part of the session that statements of a continued transaction use. */
  #asCaller(): InsideCaller {
    return {
      ...{ services: this.#services, grant: this.#grant },
      getTransaction: () => this.#transaction,
      runOutside: (program, input) => this.#run(program, input),
      count: (input, result) => this.#count(input, result),
      toError: (cause) => this.#toError(cause),
      rolledBack: (transaction) => void this.#end(transaction),
      committed: () => {
        this.#hasApplied = true
        this.#transaction = undefined
      },
    }
  }

  /** Runs a statement outside of a transaction. */
  #runAlone<T>(program: Program<T>, input: StatementInput): Next<T> {
    const { engine } = this.#services
    let given: Given
    try {
      const control = parseControl(input.sql)
      if (control) {
        this.#open(control)
        given = EMPTY
      } else {
        const analysis = engine.prepare(input, this.#grant)
        given = { result: engine.run(analysis, input) }
        if (analysis.effect.kind !== 'read') this.#hasApplied = true
        this.#count(input, given.result)
      }
    } catch (cause) {
      given = { error: this.#toError(cause) }
    }
    return give(program, given)
  }

  /** @throws PerSQLError `sql_error` for a statement that needs an open transaction */
  #open(control: Control): void {
    const { transactions, hold } = this.#services
    if (control.kind === 'commit' || control.kind === 'rollback')
      throw sqlRefusal(`cannot ${control.kind} - no transaction is active`)
    if (control.kind === 'release' || control.kind === 'rollback_to')
      throw sqlRefusal(`no such savepoint: ${control.name}`)
    const isSavepoint = control.kind === 'savepoint'
    const mode = control.kind === 'begin' ? control.mode : 'deferred'
    const transaction = transactions.open(this.#grant, mode, this.#ticket, isSavepoint)
    this.#ticket = undefined
    if (control.kind === 'savepoint') transaction.savepoint(control.name)
    // Other writers don't wait for a caller that can't write.
    if (mode === 'write' && this.#grant.role !== 'readonly') {
      this.#passHold(transaction)
      try {
        transaction.holds = hold.take(transaction.id, this.#overtakes)
        if (!transaction.holds) throw new HoldRequired(transaction.id)
      } catch (cause) {
        transactions.end(transaction)
        throw cause
      }
    }
    this.#transaction = transaction
  }

  /** Runs statements of an open transaction, from `first` until the program or the transaction ends. */
  #runOpen<T>(program: Program<T>, transaction: OpenTransaction, first: StatementInput): Next<T> {
    let todo: Todo = { input: first }
    for (;;) {
      const early: Given | 'ended' | undefined =
        'input' in todo ? this.#withoutRun(transaction, todo.input) : transaction.isRandom ? todo : undefined
      if (early === 'ended') return give(program, this.#end(transaction))
      if (early) {
        const next: Next<T> = give(program, early)
        if (next.done) return next
        todo = { input: next.value }
        continue
      }
      let run: Run<T>
      try {
        run = this.#attempt(program, transaction, todo)
      } catch (cause) {
        if (!(cause instanceof RepeatFailed)) throw cause
        const next: Next<T> = give(program, 'input' in todo ? { error: cause.failure } : todo)
        if (next.done) return next
        todo = { input: next.value }
        continue
      }
      const { next } = run
      if (run.keeps && transaction.hasWritten) this.#hasApplied = true
      if (next.kind === 'ended') return give(program, this.#end(transaction))
      if (next.kind === 'program') return next.next
      todo = next.given
    }
  }

  /** Performs what needs no run: the end of the transaction, a return to a savepoint, or nothing after a conflict. */
  #withoutRun(transaction: OpenTransaction, input: StatementInput): Given | 'ended' | undefined {
    try {
      const control = parseControl(input.sql)
      if (control?.kind === 'rollback') return 'ended'
      transaction.assertAlive()
      if (control?.kind === 'rollback_to') {
        transaction.rollBackTo(control.name)
        return EMPTY
      }
      if (transaction.isRandom) throw cannotRepeatRandom()
      return undefined
    } catch (cause) {
      return { error: this.#toError(cause) }
    }
  }

  #end(transaction: OpenTransaction): Given {
    this.#services.transactions.end(transaction)
    this.#transaction = undefined
    return EMPTY
  }

  /**
   * Repeats the writes of the transaction, then continues the program inside.
   * @throws RepeatFailed, RetryRequired, or what the program throws
   */
  #attempt<T>(program: Program<T>, transaction: OpenTransaction, first: Todo): Run<T> {
    const { engine } = this.#services
    const startedMs = performance.now()
    const before = engine.writes
    const work = (): Run<T> => {
      this.#repeat(transaction)
      let todo = first
      for (;;) {
        let given: Given
        if ('input' in todo) {
          const done = this.#perform(transaction, todo.input, before)
          if (done === 'committed') return { keeps: true, next: { kind: 'ended' } }
          if (done === 'rolled back') return { keeps: false, next: { kind: 'ended' } }
          if ('again' in done) return { keeps: false, next: { kind: 'again', given: done.again } }
          given = done
        } else given = todo
        const next = give(program, given)
        if (next.done) return { keeps: false, next: { kind: 'program', next } }
        todo = { input: next.value }
      }
    }
    try {
      return engine.attempts.run(work)
    } finally {
      transaction.ran(performance.now() - startedMs)
    }
  }

  /** @throws RepeatFailed if a write is refused now, for example because the role of the token is lower */
  #repeat(transaction: OpenTransaction): void {
    const { engine, hold } = this.#services
    engine.countTotal()
    try {
      if (transaction.hasWritten) engine.repeat(() => hold.inside(() => repeatWrites(transaction, engine, this.#grant)))
    } catch (cause) {
      throw new RepeatFailed(this.#toError(cause))
    }
  }

  /** Runs one statement of the transaction. `again` says that its effects have to be undone. */
  #perform(transaction: OpenTransaction, input: StatementInput, writes: number): Performed {
    const { engine } = this.#services
    let isRunning = false
    try {
      const control = parseControl(input.sql)
      if (control) return performControl(transaction, control, engine, () => (isRunning = true))
      if (transaction.hasWritten) this.#orContinue(transaction, writes, () => transaction.assertTime())
      else transaction.assertTime()
      const analysis = engine.prepare(input, this.#grant)
      const { kind, defers } = analysis.effect
      if (transaction.failed && transaction.hasWritten && analysis.counters.reads.length > 0)
        this.#services.hold.inside(() => failAgain(transaction, engine, this.#grant))
      if (kind === 'read' && defers === 'none') {
        if (!transaction.holds) transaction.see(writes)
        const result = engine.run(analysis, input, true)
        return { result: this.#count(input, result) }
      }
      transaction.assertCanWrite()
      assertEndsAlone(analysis)
      if (!this.#endsAll || this.#mayContinue(transaction)) this.#assertRepeats(transaction, analysis, writes)
      this.#hold(transaction, writes)
      isRunning = true
      const result = this.#services.hold.inside(() => engine.run(analysis, input, true))
      transaction.wrote(input, result.rowsWritten, analysis)
      return { result: this.#count(input, result) }
    } catch (cause) {
      const error = this.#toError(cause)
      if (!isRunning) return { error }
      transaction.failed = input
      return { again: { error } }
    }
  }

  /** Checks that later calls can repeat one more write. @throws ContinueRequired, or PerSQLError if that isn't possible */
  #assertRepeats(transaction: OpenTransaction, analysis: Analysis, writes: number): void {
    this.#orContinue(transaction, writes, () => {
      transaction.assertRepeatable()
      assertNotRandom(analysis)
    })
    if (transaction.isSlow && this.#mayContinue(transaction)) this.#continue(transaction, writes)
  }

  /** Continues the transaction if `check` throws, where that is possible. @throws ContinueRequired, or what `check` throws */
  #orContinue(transaction: OpenTransaction, writes: number, check: () => void): void {
    try {
      check()
    } catch (cause) {
      if (this.#mayContinue(transaction)) this.#continue(transaction, writes)
      throw cause
    }
  }

  #mayContinue(transaction: OpenTransaction): boolean {
    return this.#canContinue && this.#canRepeat && !this.#hasApplied && transaction.canContinue
  }

  #continue(transaction: OpenTransaction, writes: number): never {
    this.#hold(transaction, writes)
    throw new ContinueRequired(transaction.id)
  }

  /** Makes other writers wait until the transaction ends. @throws HoldRequired, or PerSQLError `transaction_conflict` */
  #hold(transaction: OpenTransaction, writes: number): void {
    const { hold } = this.#services
    if (transaction.holds) return
    try {
      transaction.see(writes)
    } catch (cause) {
      // It may have waited, and then got the database.
      hold.release(transaction.id)
      throw cause
    }
    this.#passHold(transaction)
    if (!hold.take(transaction.id, this.#overtakes)) throw new HoldRequired(transaction.id)
    transaction.holds = true
  }

  /** A continued transaction ends after its call, so the next one of this call gets its hold. */
  #passHold({ id }: OpenTransaction): void {
    const { isCommitting, transactionId } = this.#inside ?? {}
    if (isCommitting && transactionId !== undefined) this.#services.hold.pass(transactionId, id)
  }

  get #overtakes(): boolean {
    return this.#hasApplied || this.#hasWaited
  }

  #count({ sql }: StatementInput, result: Result): Result {
    this.used.rowsRead += result.rowsRead
    this.used.rowsWritten += result.rowsWritten
    this.used.statementCount++
    this.used.sql.push(sql)
    return result
  }

  /** Returns the error for the program. @throws RetryRequired while the call can be repeated, or an unexpected error */
  #toError(cause: unknown): PerSQLError {
    if (cause instanceof RetryRequired) {
      if (this.#canRepeat && !this.#hasApplied) throw cause
      return busy()
    }
    if (cause instanceof RepeatFailed) throw cause
    const error = PerSQLError.from(cause)
    if (error.code === 'internal') throw cause
    return error
  }
}
