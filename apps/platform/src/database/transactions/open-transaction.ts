import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { TransactionMode } from './control.ts'
import type { Inside } from './inside.ts'

/** The most writes of a transaction. */
export const MAX_WRITES = 200
/** The most bytes that the writes of a transaction have. */
const MAX_BYTES = 8 * 1024 * 1024
/** The longest that all runs of a transaction take together, repeated writes included. */
const MAX_RUN_MS = 3_000
/** The duration of a run after which a transaction is continued instead of repeated. */
const SLOW_MS = 300
/** The longest between the start of a transaction and its COMMIT. */
export const TOTAL_MS = 15_000
/** The time after which a continued transaction ends if other calls wait for the database. */
export const CONTINUED_MS = 5_000
/** The most writes of a continued transaction. */
const MAX_CONTINUED_WRITES = 100_000
const MAX_SAVEPOINTS = 100
/** The largest response that is kept for a step that is sent again. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** A write that succeeded: it is repeated before later statements, and at COMMIT. */
interface Write {
  readonly input: StatementInput
  readonly rowsWritten: number
  readonly bytes: number
  /** Whether it writes other values if it runs again. */
  readonly isRandom: boolean
  /** Whether it can have deleted rows that it doesn't select, so that a snapshot is created before the COMMIT. */
  readonly loses: boolean
}

/** A savepoint: the number of writes before it, and of the rows that they wrote. */
interface Savepoint {
  readonly name: string
  readonly at: number
  readonly rowsWritten: number
}

/** The state to which a transaction returns if its call has to be repeated. */
export interface TransactionMark {
  readonly writes: readonly Write[]
  readonly savepoints: readonly Savepoint[]
  readonly seen: number | undefined
  readonly isDoomed: boolean
}

/** The response to a numbered step. */
export interface StepAnswer {
  readonly step: number
  /** `undefined` if it is too large. */
  readonly outcome: Outcome | undefined
}

/**
 * An interactive transaction: the writes that succeeded so far, in memory. The file has none of their effects until COMMIT runs
 * all of them once more. If the object ends, nothing was ever written. A transaction whose writes can't be repeated is continued:
 * from then on it is a transaction of the file, and its writes aren't in memory.
 */
export class OpenTransaction {
  readonly id: string
  readonly tokenId: string
  /** The key of the secret that opened it. */
  readonly secretKey: string
  readonly mode: TransactionMode
  readonly openedMs: number
  /** The end of its last call. */
  usedMs: number
  /** Whether a SAVEPOINT opened it, so that RELEASE of this savepoint commits it. */
  readonly isSavepoint: boolean
  /** Whether other writers have waited since the transaction was known to see the current rows. */
  holds = false
  /** Whether a reader runs its statements, so that it isn't idle. */
  isReading = false
  /** Where its statements run while it is continued. */
  inside: Inside | undefined
  /** The write that failed after the last one that succeeded: SQLite's counters show it. */
  failed: StatementInput | undefined
  /** The number of the last step, with its response. */
  answer: StepAnswer = { step: 0, outcome: undefined }
  #writes: Write[] = []
  #savepoints: Savepoint[] = []
  #bytes = 0
  #runMs = 0
  #slowestMs = 0
  /** The number of writes of the database when it was first read. */
  #seen: number | undefined
  #isDoomed = false
  #isContinued = false
  #continuedWrites = 0
  #rowsWritten = 0

  constructor(options: Pick<OpenTransaction, 'id' | 'tokenId' | 'secretKey' | 'mode' | 'openedMs' | 'isSavepoint'>) {
    this.id = options.id
    this.tokenId = options.tokenId
    this.secretKey = options.secretKey
    this.mode = options.mode
    this.openedMs = options.openedMs
    this.usedMs = options.openedMs
    this.isSavepoint = options.isSavepoint
  }

  /** The writes to repeat. */
  get inputs(): readonly StatementInput[] {
    return this.#writes.map(({ input }) => input)
  }

  get hasWritten(): boolean {
    return this.#writes.length > 0 || this.isContinued
  }

  /** Whether it is a transaction of the file now. */
  get isContinued(): boolean {
    return this.#isContinued
  }

  /** The numbers of writes before each savepoint, in their order. */
  get savepoints(): readonly number[] {
    return this.#savepoints.map(({ at }) => at)
  }

  /** Whether its writes can't be repeated, because one of them writes random values. */
  get isRandom(): boolean {
    return this.#writes.some(({ isRandom }) => isRandom)
  }

  /** Whether it can be continued: an automatic snapshot can only be created at the COMMIT of repeated writes. */
  get canContinue(): boolean {
    return !this.#writes.some(({ loses }) => loses)
  }

  /** Whether repeating its writes takes so long that it should be continued. */
  get isSlow(): boolean {
    return this.#slowestMs > SLOW_MS && this.#writes.length > 0
  }

  get rowsWritten(): number {
    return this.#rowsWritten
  }

  /** The memory that its writes take. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a conflict was found, so that it can only be rolled back. */
  get isDoomed(): boolean {
    return this.#isDoomed
  }

  /**
   * Checks that no other write ran between its first read and now. Call it for each statement before it holds the database.
   * @throws PerSQLError `transaction_conflict`
   */
  see(writes: number): void {
    this.#seen ??= writes
    if (this.#seen !== writes) this.#isDoomed = true
    this.assertAlive()
  }

  /** @throws PerSQLError `transaction_conflict` */
  assertAlive(): void {
    if (this.#isDoomed) throw new PerSQLError('transaction_conflict')
  }

  /** Records the duration of a run. */
  ran(ms: number): void {
    this.#runMs += ms
    this.#slowestMs = Math.max(this.#slowestMs, ms)
  }

  /** @throws PerSQLError `transaction_too_long` if the runs took too long */
  assertTime(): void {
    if (this.#runMs <= MAX_RUN_MS) return
    throw tooLong(`took ${MAX_RUN_MS / 1000} s so far, repeated statements included`)
  }

  /** @throws PerSQLError `statement_not_allowed` in a read transaction */
  assertCanWrite(): void {
    if (this.mode !== 'read') return
    const instead = 'Open a transaction that can write.'
    throw new PerSQLError('statement_not_allowed', { what: 'A write in a read transaction', instead })
  }

  /** Checks that it may have one more write, which later calls repeat. @throws PerSQLError `transaction_too_long` */
  assertRepeatable(): void {
    if (this.#writes.length >= MAX_WRITES) throw tooLong(`already has ${MAX_WRITES} writes, which is the limit`)
    if (this.#bytes >= MAX_BYTES) throw tooLong(`already has ${MAX_BYTES / 1024 / 1024} MB of statements`)
  }

  /** Checks that it may have one more statement while it is continued. @throws PerSQLError `transaction_too_long` */
  assertContinues(nowMs: number): void {
    const { length } = this.#savepoints
    if (nowMs - this.openedMs >= TOTAL_MS) throw tooLong(`has been open for ${TOTAL_MS / 1000} s`)
    if (this.#continuedWrites >= MAX_CONTINUED_WRITES || length > MAX_SAVEPOINTS) {
      const most = length > MAX_SAVEPOINTS ? `${MAX_SAVEPOINTS} savepoints` : '100,000 writes'
      throw tooLong(`already has ${most}, which is the limit`)
    }
  }

  /** Makes it a transaction of the file, which has its writes now. */
  continue(): void {
    this.#isContinued = true
    this.#writes = []
    this.#bytes = 0
  }

  /** Adds a write that succeeded. */
  wrote(input: StatementInput, rowsWritten: number, { random, loss }: Pick<Analysis, 'random' | 'loss'>): void {
    this.#rowsWritten += rowsWritten
    this.failed = undefined
    if (this.isContinued) {
      this.#continuedWrites++
      return
    }
    const bytes = estimateBytes(input)
    this.#writes.push({ input, rowsWritten, bytes, isRandom: random !== undefined, loses: loss !== undefined })
    this.#bytes += bytes
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, at: this.#writes.length, rowsWritten: this.#rowsWritten })
  }

  /** Returns the number of a savepoint, from 0. @throws PerSQLError `sql_error` if no savepoint has this name */
  findNumber(name: string): number {
    return this.#find(name)
  }

  /** Returns whether the release of a savepoint ends the transaction. @throws PerSQLError `sql_error` */
  isEndedBy(name: string): boolean {
    return this.#find(name) === 0 && this.isSavepoint
  }

  /** Removes a savepoint and those after it. Returns whether that ends the transaction. @throws PerSQLError `sql_error` */
  release(name: string): boolean {
    const at = this.#find(name)
    if (this.isEndedBy(name)) return true
    this.#savepoints.length = at
    return false
  }

  /** Removes the writes after a savepoint. @throws PerSQLError `sql_error` */
  rollBackTo(name: string): void {
    const at = this.#find(name)
    const { at: writes, rowsWritten } = this.#savepoints[at] as Savepoint
    this.#savepoints.length = at + 1
    this.failed = undefined
    if (this.isContinued) this.#rowsWritten = rowsWritten
    else this.#setWrites(this.#writes.slice(0, writes))
  }

  /** Keeps the response to a step. */
  keepAnswer(step: number, outcome: Outcome): void {
    const { dataText, failure } = outcome
    const length = dataText?.length ?? JSON.stringify(failure).length
    const replayed = { ...outcome, data: undefined, rowsRead: 0, rowsWritten: 0, statementCount: 0, sql: '' }
    this.answer = { step, outcome: length > MAX_ANSWER_BYTES ? undefined : replayed }
  }

  get mark(): TransactionMark {
    return { writes: [...this.#writes], savepoints: [...this.#savepoints], seen: this.#seen, isDoomed: this.#isDoomed }
  }

  /** Returns to an earlier state, because the call runs again. */
  reset({ writes, savepoints, seen, isDoomed }: TransactionMark): void {
    this.#setWrites([...writes])
    this.#savepoints = [...savepoints]
    this.#seen = seen
    this.#isDoomed = isDoomed
  }

  #setWrites(writes: Write[]): void {
    this.#writes = writes
    this.#bytes = writes.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#rowsWritten = writes.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0)
  }

  #find(name: string): number {
    const at = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (at < 0) throw sqlRefusal(`no such savepoint: ${name}`)
    return at
  }
}

/** Returns the error of a statement that an open transaction can't have any more. */
function tooLong(problem: string): PerSQLError {
  const instead = 'Commit it, or run its statements as a batch in one transaction.'
  return new PerSQLError('transaction_too_long', { problem, instead })
}

/** Returns SQLite's own error for a statement that controls a transaction. */
export function sqlRefusal(message: string): PerSQLError {
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { kind: 'unknown', message } } })
}

/** Returns the approximate memory that a statement takes. */
function estimateBytes({ sql, params }: StatementInput): number {
  let bytes = 100 + sql.length
  for (const entry of params as Iterable<unknown>) {
    // Named parameters are pairs.
    const value = Array.isArray(entry) ? entry[1] : entry
    bytes += typeof value === 'string' || value instanceof Uint8Array ? value.length : 8
  }
  return bytes
}
