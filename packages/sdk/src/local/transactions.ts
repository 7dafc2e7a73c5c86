import { PerSQLError } from '../errors.ts'
import type { WireResult } from '../values.ts'
import type { Engine } from './engine.ts'
import { assertExpected } from './expectations.ts'
import { assertCanWrite, assertInside, assertWhole } from './refusals.ts'
import { createError, sqlError } from './sql-error.ts'
import { attempt, execute, inspect, orUndo, prepare, type WireStatement } from './statements.ts'

/** The limits of a server. */
const IDLE_MS = 5000
const TOTAL_MS = 15_000
const WAIT_MS = 15_000

const SAVEPOINT_WORDS =
  /^\s*(?:savepoint|release(?:\s+savepoint)?|rollback(?:\s+transaction)?\s+to(?:\s+savepoint)?)\s+(?:\w+|"(?:[^"]|"")+")\s*;?\s*$/i

/** SQLite's only connection lets a deferred transaction hold the database from its start, too. */
type Mode = 'write' | 'deferred' | 'read'

interface Open {
  readonly id: string
  readonly mode: Mode
  readonly startedMs: number
  lastMs: number
  /** The statements that a replay must repeat: writes, and those about savepoints. */
  replayed: WireStatement[]
  /** Whether a replay writes the same values. */
  isRepeatable: boolean
  /** The number of writes by others at the start, for a transaction that reads. */
  readonly writes: number
  step: number
  /** The response to the last step. */
  answer: () => Steps
}

interface Steps {
  step: number
  results: WireResult[]
}

interface Waiting {
  run(): void
}

/**
 * The interactive transactions of a local database, on its only connection. One transaction at a time can write. Others
 * read what was committed: for them the transaction is rolled back, and repeated before its next statement.
 */
export class Transactions {
  readonly #engine: Engine
  readonly #open = new Map<string, Open>()
  readonly #committed = new Map<string, object>()
  /** The transaction that can write. */
  #writer: Open | undefined
  /** Whether SQLite's transaction is that of the writer. */
  #isActive = false
  /** The number of calls that wrote outside of these transactions, or transactions that were committed. */
  #writes = 0
  #waiting: Waiting[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Runs a call outside of transactions: a read immediately, and a write when no transaction can write. */
  beside<T>(isRead: () => boolean, run: () => T): Promise<T> {
    const counted = () => {
      if (this.#open.size > 0 && !isRead()) this.#writes++
      return run()
    }
    if (this.#suspend() && (!this.#isTaken() || isRead())) return settle(counted)
    return this.#wait(counted)
  }

  /** Opens a transaction with its first statements. If one fails, the transaction isn't opened. */
  begin({ mode = 'write', statements = [] }: { mode?: Mode; statements?: WireStatement[] }): Promise<object> {
    const start = () => {
      const nowMs = Date.now()
      const answer = () => ({ step: 0, results: [] })
      const id = `txn_${crypto.randomUUID().replaceAll('-', '')}`
      const times = { startedMs: nowMs, lastMs: nowMs, writes: this.#writes }
      const tx: Open = { id, mode, ...times, replayed: [], isRepeatable: true, step: 0, answer }
      const results = this.#within(tx, () => this.#runAll(tx, statements))
      this.#open.set(id, tx)
      return { id, expiresAt: new Date(nowMs + IDLE_MS).toISOString(), results }
    }
    if (mode === 'read') return this.beside(() => true, start)
    return this.#suspend() && !this.#isTaken() ? settle(start) : this.#wait(start)
  }

  /** Runs the statements of a step. The number of the last step returns its response again. */
  run(id: string, { step, statements }: { step: number; statements: WireStatement[] }): Promise<Steps> {
    return this.#in(id, (tx) => {
      if (step === tx.step) return tx.answer()
      if (step !== tx.step + 1) {
        throw createError(409, 'transaction_step', `Expected step ${tx.step + 1}, but got ${step}.`)
      }
      tx.step = step
      try {
        const results = this.#within(tx, () => this.#runAll(tx, statements))
        tx.answer = () => ({ step, results })
      } catch (cause) {
        tx.answer = () => {
          throw cause
        }
      }
      return tx.answer()
    })
  }

  /** Runs the last statements and commits. If one fails, nothing is committed and the transaction stays open with those before. */
  commit(id: string, { statements = [] }: { statements?: WireStatement[] }): Promise<object> {
    const answer = this.#committed.get(id)
    if (answer) return Promise.resolve(answer)
    return this.#in(id, (tx) => {
      const results = this.#within(tx, () => {
        const last = this.#runAll(tx, statements)
        if (tx.mode !== 'read') numbered(last, () => this.#command('COMMIT'))
        return last
      })
      const rowsWritten = results.reduce((sum, result) => sum + result.rowsWritten, 0)
      const committed = { committed: true, results, rowsWritten }
      this.#committed.set(id, committed)
      if (tx.mode !== 'read') {
        this.#isActive = false
        this.#writes++
      }
      this.#end(tx)
      return committed
    })
  }

  /** Rolls back a transaction. An unknown one was rolled back before. */
  rollback(id: string): object {
    if (this.#committed.has(id))
      throw createError(409, 'transaction_committed', 'The transaction was already committed.')
    const tx = this.#open.get(id)
    if (tx) this.#end(tx)
    return { rolledBack: true }
  }

  /** Calls a function with an open transaction, without others' uncommitted writes. */
  async #in<T>(id: string, work: (tx: Open) => T): Promise<T> {
    const tx = this.#find(id)
    if (tx.mode !== 'read') return work(tx)
    return this.beside(
      () => true,
      () => work(this.#find(id)),
    )
  }

  #find(id: string): Open {
    const tx = this.#open.get(id)
    if (tx && !this.#expire(tx)) {
      tx.lastMs = Date.now()
      return tx
    }
    const message = `The transaction was rolled back because it was idle for ${IDLE_MS / 1000} s or open for ${TOTAL_MS / 1000} s.`
    throw createError(410, 'transaction_expired', message)
  }

  /** Rolls back a transaction that has exceeded a limit. Returns whether it had. */
  #expire(tx: Open): boolean {
    if (getEndMs(tx) > Date.now()) return false
    this.#end(tx)
    return true
  }

  #end(tx: Open): void {
    this.#open.delete(tx.id)
    if (tx !== this.#writer) return
    if (this.#isActive) this.#rollBack()
    this.#writer = undefined
    this.#continue()
  }

  /** Runs a function in the transaction. One that failed to open leaves nothing. */
  #within<T>(tx: Open, work: () => T): T {
    if (tx.mode === 'read') return this.#reading(tx, work)
    const isNew = !this.#writer
    this.#activate(tx)
    try {
      return work()
    } catch (cause) {
      if (isNew) this.#end(tx)
      throw cause
    }
  }

  #reading<T>(tx: Open, work: () => T): T {
    if (tx.writes !== this.#writes) {
      this.#end(tx)
      const message = 'Another call wrote to the database since the transaction started. Start the transaction again.'
      throw createError(409, 'transaction_conflict', message)
    }
    this.#command('BEGIN')
    try {
      for (const { sql } of tx.replayed) this.#command(sql)
      return work()
    } finally {
      this.#rollBack()
    }
  }

  /** Makes SQLite's transaction that of the writer. */
  #activate(tx: Open): void {
    if (this.#isActive) return
    attempt(() => this.#command('BEGIN IMMEDIATE'))
    this.#writer = tx
    this.#isActive = true
    for (const statement of tx.replayed) this.#execute(statement)
  }

  /** Rolls back the writer for others, until its next statement. Returns whether others can read what was committed. */
  #suspend(): boolean {
    const tx = this.#writer
    if (!tx || !this.#isActive || this.#expire(tx)) return true
    if (!tx.isRepeatable) return false
    this.#rollBack()
    return true
  }

  #rollBack(): void {
    this.#isActive = false
    this.#command('ROLLBACK')
  }

  #runAll(tx: Open, statements: WireStatement[]): WireResult[] {
    const results: WireResult[] = []
    for (const statement of statements) {
      results.push(numbered(results, () => this.#run(tx, statement, results.length)))
    }
    return results
  }

  #run(tx: Open, statement: WireStatement, index: number): WireResult {
    if (SAVEPOINT_WORDS.test(statement.sql)) {
      const result = this.#execute(statement)
      tx.replayed.push(statement)
      return result
    }
    assertInside(statement.sql)
    const { kind, isRandom, clause } = inspect(this.#engine, prepare(this.#engine, statement))
    if (kind !== 'read') assertCanWrite(tx.mode)
    assertWhole(clause)
    if (kind !== 'read' && isRandom) tx.isRepeatable = false
    const result = this.#expected(statement, index)
    if (kind !== 'read') tx.replayed.push(statement)
    return result
  }

  /** Runs a statement, and undoes it if its counts differ from the expected ones. */
  #expected(statement: WireStatement, index: number): WireResult {
    if (!statement.expect) return execute(this.#engine, statement)
    return orUndo(this.#engine, () => {
      const result = execute(this.#engine, statement)
      assertExpected(statement, result, index + 1)
      return result
    })
  }

  #execute(statement: WireStatement): WireResult {
    if (!SAVEPOINT_WORDS.test(statement.sql)) return execute(this.#engine, statement)
    attempt(() => this.#command(statement.sql))
    return { columns: [], rows: [], rowsRead: 0, rowsWritten: 0 }
  }

  #command(sql: string): void {
    this.#engine.compile(sql).run([])
  }

  #isTaken(): boolean {
    return this.#writer !== undefined || this.#waiting.length > 0
  }

  /** Runs a function after those that wait, once no transaction can write. */
  #wait<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = {
        run() {
          clearTimeout(timer)
          settle(work).then(resolve, reject)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        const message = `Another transaction is open. The call waited for ${WAIT_MS / 1000} s.`
        reject(new PerSQLError({ status: 409, code: 'transaction_busy', message, retryAfterS: 1 }))
      }, WAIT_MS)
      this.#waiting.push(waiting)
      this.#watch()
    })
  }

  /** Runs the calls that wait, up to the next transaction that can write. */
  #continue(): void {
    while (!this.#writer && this.#waiting.length > 0) this.#waiting.shift()?.run()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#watch()
  }

  /** Rolls back the writer when it exceeds a limit while others wait. */
  #watch(): void {
    const tx = this.#writer
    if (this.#timer || !tx || this.#waiting.length === 0) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        if (this.#writer) this.#expire(this.#writer)
        this.#watch()
      },
      Math.max(1, getEndMs(tx) - Date.now()),
    )
  }
}

/** Returns the time at which a transaction expires. */
const getEndMs = ({ startedMs, lastMs }: Open) => Math.min(lastMs + IDLE_MS, startedMs + TOTAL_MS)

/** Runs a statement. @throws PerSQLError with its number and the results of those before it */
function numbered<T>(results: readonly WireResult[], run: () => T): T {
  try {
    return run()
  } catch (cause) {
    const { status, code, message, body } = sqlError(cause)
    throw new PerSQLError({ status, code, message, body: { ...body, statement: results.length + 1, results }, cause })
  }
}

/** Runs a function now and returns its result as a promise. */
const settle = <T>(run: () => T): Promise<T> => {
  try {
    return Promise.resolve(run())
  } catch (cause) {
    return Promise.reject(cause)
  }
}
